"""The program's figures as a whole: how many members and facts, and what each account has pending and awarded."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

from msgspec import Struct
from psycopg import AsyncConnection

from application.catalogue.commands import DEFAULT_ACCOUNT
from domain.catalogue.entries import Account
from projections.catalogue.queries import ACCOUNTS, entries_page
from projections.listing.page import Figure, fetch_all
from projections.tiered.campaigns.queries import PENDING_POINTS

MOST_ACCOUNTS = "200"
DEFAULT = DEFAULT_ACCOUNT.code
SHORTEST_SECONDS = 1.0
TIMES_AS_LONG = 50
"""Counting reads every row, so a count is kept many times as long as it took, whoever watches."""

_COUNTS = """
SELECT (SELECT count(*) FROM p_members.members), (SELECT count(*) FROM p_facts.facts)
"""

_POINTS = f"""
SELECT r.definition ->> 'account', sum({PENDING_POINTS})::text, sum(s.awarded_points)::text
FROM p_standings.statistics s
JOIN p_tiered_campaigns.tiered_campaigns t ON t.id = s.campaign
JOIN p_tiered_campaigns.occurrences o ON o.campaign = s.campaign AND o.number = s.occurrence
JOIN p_tiered_campaigns.revisions r ON r.campaign = o.campaign AND r.number = o.revision
GROUP BY 1
"""  # noqa: S608  put together from constants


class Counts(Struct, frozen=True, gc=False):
    members: int
    facts: int


class AccountTotals(Struct, frozen=True, gc=False):
    """Of all members together."""

    account: Account
    pending: Figure
    awarded: Figure


class Counting:
    """Counts members and facts for one process."""

    def __init__(self) -> None:
        self._counts = Counts(0, 0)
        self._until = 0.0
        self._counting = asyncio.Lock()

    async def counts(self, connection: AsyncConnection[Any]) -> Counts:
        async with self._counting:
            began = monotonic()
            if began >= self._until:
                [self._counts] = await fetch_all(connection, Counts, _COUNTS, {})
                ended = monotonic()
                self._until = ended + max(SHORTEST_SECONDS, TIMES_AS_LONG * (ended - began))
            return self._counts


async def accounts(connection: AsyncConnection[Any]) -> dict[str, Account]:
    """By code, in its order but for the default one, which comes first."""
    there, _ = await entries_page(connection, Account, ACCOUNTS.read({"limit": MOST_ACCOUNTS}))
    found = sorted(there, key=lambda account: account.code != DEFAULT)
    return {account.code: account for account in found}


async def account_totals(connection: AsyncConnection[Any], known: Mapping[str, Account]) -> list[AccountTotals]:
    """Of the accounts that anything is, or was, to be paid into; the default one is always there."""
    found = await fetch_all(connection, lambda code, *figures: (code, figures), _POINTS, {})
    sums: dict[str, Any] = {DEFAULT: ("0", "0"), **dict(found)}
    return [AccountTotals(account, *sums[code]) for code, account in known.items() if code in sums]
