"""What is left of what all members share, while a batch is decided: each grant leaves less to those after it."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from domain.campaigns.budget import Reserved, Spending
from domain.campaigns.definition import EffectKind
from domain.campaigns.participation import Granted
from domain.catalogue.entries import Coupon
from domain.catalogue.stock import Taken
from domain.values.amounts import EXACT, ZERO
from domain.values.interval import NOTHING as NO_TALLY
from domain.values.interval import Moment, Tally, added


class CouponSupply(Struct, frozen=True, gc=False):
    """A coupon with the codes to give next, in order: no more than may be given."""

    entry: Coupon
    codes: tuple[str, ...]


STOCKS = {EffectKind.ISSUE_COUPON: "coupon", EffectKind.GIVE_REWARD: "reward"}
"""What a stock is of, by the effects that take from it."""


class Ledger:
    """`rewards` are how many of each may be given, None where nothing limits it. What is not named is not there."""

    def __init__(
        self,
        budgets: Mapping[UUID, Tally],
        coupons: Mapping[str, CouponSupply],
        rewards: Mapping[str, int | None],
    ) -> None:
        self._budgets = dict(budgets)
        self._coupons = coupons
        self._rewards = rewards
        self._spent: dict[UUID, dict[Moment, Decimal]] = {}
        self._taken: dict[tuple[EffectKind, str], int] = {}

    def budget(self, campaign: UUID) -> Tally:
        """What a campaign has given."""
        return self._budgets.get(campaign, NO_TALLY)

    def coupon(self, code: str, number: int) -> tuple[Coupon, str] | None:
        """The coupon and the `number`-th (from 0) of the codes that are left, if there are so many."""
        known = self._coupons.get(code)
        at = self._taken.get((EffectKind.ISSUE_COUPON, code), 0) + number
        return (known.entry, known.codes[at]) if known and at < len(known.codes) else None

    def has_reward(self, code: str, number: int) -> bool:
        """Whether the `number`-th (from 0) of those that are left is there."""
        if code not in self._rewards:
            return False
        limit = self._rewards[code]
        return limit is None or self._taken.get((EffectKind.GIVE_REWARD, code), 0) + number < limit

    def take(self, granted: Granted) -> None:
        if granted.units:
            campaign, moment = granted.campaign, granted.moment
            self._budgets[campaign] = added(self.budget(campaign), moment, granted.units)
            spent = self._spent.setdefault(campaign, {})
            spent[moment] = EXACT.add(spent.get(moment, ZERO), granted.units)
        for rule in granted.rules:
            for effect in rule.effects:
                if effect.reason is None and effect.given and effect.kind in STOCKS:
                    key = (effect.kind, effect.given)
                    self._taken[key] = self._taken.get(key, 0) + 1

    def reserved(self) -> list[Reserved]:
        """What was taken from budgets, one event a campaign."""
        return [
            Reserved(campaign, tuple(Spending(moment, units) for moment, units in spent.items()))
            for campaign, spent in self._spent.items()
        ]

    def taken(self) -> list[Taken]:
        """What was taken from stocks, one event each."""
        return [Taken(STOCKS[kind], code, count) for (kind, code), count in self._taken.items()]
