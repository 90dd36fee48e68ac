"""Facts as given, with what became of them: found by the projection, told by their streams."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from application.log.mapper import Mapper
from application.streams import MEMBER_EVENT, TRANSACTION
from domain.facts.fact import FactKind
from domain.facts.transaction import Status
from projections.history.log import Story, stories
from projections.listing.columns import Column, ColumnKind
from projections.listing.page import fetch_page
from projections.listing.request import Listing, Selection

_RECORDED = (
    Column("recorded_at", ColumnKind.INTEGER, "f.position", sortable=True, filterable=False),
    Column("recorded_at", ColumnKind.INSTANT, "f.recorded_at"),
)
"""Sorted by position, which is unique: two facts may have been recorded in one instant."""

TRANSACTIONS = Listing(
    name="transactions",
    columns=(
        *_RECORDED,
        Column("member", expression="f.member"),
        Column("status", expression="f.status", values=tuple(Status)),
        Column("purchased_at", ColumnKind.INSTANT, "f.at"),
        Column("total", ColumnKind.NUMBER, "f.total", nullable=True),
    ),
    key="recorded_at",
    sort="-recorded_at",
)

EVENTS = Listing(
    name="events",
    columns=(
        *_RECORDED,
        Column("member", expression="f.member"),
        Column("type", expression="f.type"),
        Column("occurred_at", ColumnKind.INSTANT, "f.at"),
    ),
    key="recorded_at",
    sort="-recorded_at",
)

MEMBER_FACTS = Listing(
    name="member-facts",
    columns=(
        *_RECORDED,
        Column("kind", expression="f.kind", values=tuple(FactKind)),
        Column("type", expression="f.type", nullable=True),
        Column("status", expression="coalesce(f.status, 'accepted')", values=tuple(Status)),
        Column("at", ColumnKind.INSTANT, "f.at"),
    ),
    key="recorded_at",
    sort="-recorded_at",
)


async def facts_page(
    connection: AsyncConnection[Any],
    mapper: Mapper,
    selection: Selection,
    *,
    kind: FactKind | None = None,
    member: str | None = None,
) -> tuple[list[Story], str | None]:
    """Facts of one kind or of one member, each told by its stream; all that are told are loaded with one query."""
    found, following = await fetch_page(
        connection,
        selection,
        lambda stream: stream,
        "f.stream",
        "p_facts.facts f",
        where=("f.kind = %(of)s" if kind else "f.member = %(of)s",),
        parameters={"of": kind or member},
    )
    return await stories(connection, mapper, found), following


async def transaction(connection: AsyncConnection[Any], mapper: Mapper, transaction_id: str) -> Story | None:
    return await _told(connection, mapper, TRANSACTION.at(transaction_id).id)


async def event(connection: AsyncConnection[Any], mapper: Mapper, event_id: str) -> Story | None:
    return await _told(connection, mapper, MEMBER_EVENT.at(event_id).id)


async def _told(connection: AsyncConnection[Any], mapper: Mapper, stream: UUID) -> Story | None:
    found = await stories(connection, mapper, [stream])
    return found[0] if found else None
