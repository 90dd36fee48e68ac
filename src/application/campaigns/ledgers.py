"""What campaigns have left to give at the start of a batch of decisions: budgets, stocks, and codes of coupons."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from application.catalogue.coupons import next_codes
from application.definitions.catalogue import Catalogue
from application.log.working import Working
from application.streams import CAMPAIGN_BUDGET, COUPON_CODE, COUPON_SLOT, STOCK
from domain.campaigns.budget import NOTHING as NO_BUDGET
from domain.campaigns.definition import EffectKind
from domain.campaigns.effects.give_reward import GiveReward
from domain.campaigns.effects.issue_coupon import IssueCoupon
from domain.campaigns.ledger import CouponSupply, Ledger
from domain.campaigns.terms import CampaignTerms, EffectTerms
from domain.catalogue.coupon import generated_code, left
from domain.catalogue.entries import Coupon, Generator
from domain.catalogue.stock import NOTHING as NO_STOCK
from domain.catalogue.stock import Stock

DRAWS = 20
"""So often at most codes are drawn for those that were given before. While no more than half of all there can be are
given, one in a million is not found by then.
"""

Random = Callable[[int], int]
"""A whole number from 0 to one less than the one given, each as likely."""


def effects_of(terms: CampaignTerms) -> Iterator[EffectTerms]:
    return (effect for rule in terms.rules for effect in rule.effects)


def stocked(terms: CampaignTerms) -> Iterator[IssueCoupon | GiveReward]:
    """The effects of a campaign that take from a stock."""
    return (effect for effect in effects_of(terms) if isinstance(effect, IssueCoupon | GiveReward))


def coupons_of(terms: CampaignTerms) -> Iterator[str]:
    """The coupons of a campaign, each as often as the campaign may issue a code of it."""
    return (effect.given for effect in effects_of(terms) if isinstance(effect, IssueCoupon))


def ledger_for(
    working: Working,
    catalogue: Catalogue,
    asked: Sequence[CampaignTerms],
    random: Random,
    supplies: Mapping[str, int] | None,
) -> Ledger:
    """What is left for decisions by these campaigns, each as often as it is there. Budgets and stocks are loaded.

    Of pools are left those codes that had come by `supplies`; without them, all that have.
    """
    wanted: dict[tuple[EffectKind, str], int] = {}
    for terms in asked:
        for effect in stocked(terms):
            key = (effect.kind, effect.given)
            wanted[key] = wanted.get(key, 0) + 1
    coupons: dict[str, tuple[Coupon, int]] = {}
    stocks: dict[str, Stock] = {}
    rewards: dict[str, int | None] = {}
    for (kind, code), count in wanted.items():
        if kind is EffectKind.ISSUE_COUPON and (coupon := catalogue.coupon(code)):
            stocks[code] = _stock(working, code, supplies)
            limit = left(coupon, stocks[code])
            coupons[code] = coupon, count if limit is None else min(count, limit)
        elif kind is EffectKind.GIVE_REWARD and (reward := catalogue.reward(code)):
            rewards[code] = left(reward, working.state(STOCK.at("reward", code)))
    budgets = {terms.campaign: working.state(CAMPAIGN_BUDGET.at(terms.campaign)) or NO_BUDGET for terms in asked}
    given = {campaign: budget.units for campaign, budget in budgets.items()}
    return Ledger(given, _codes(working, coupons, stocks, random), rewards)


def _stock(working: Working, coupon: str, supplies: Mapping[str, int] | None) -> Stock:
    stock: Stock = working.state(STOCK.at("coupon", coupon)) or NO_STOCK
    return stock if supplies is None else replace(stock, supplied=supplies.get(coupon, 0))


def _codes(
    working: Working, wanted: Mapping[str, tuple[Coupon, int]], stocks: Mapping[str, Stock], random: Random
) -> dict[str, CouponSupply]:
    """So many codes of each coupon: the next ones of its pool, or new ones."""
    pools = {code: count for code, (coupon, count) in wanted.items() if coupon.generator is None}
    slots = [
        COUPON_SLOT.at(code, stocks[code].next + number) for code, count in pools.items() for number in range(count)
    ]
    working.prefetch(slots)
    codes = {code: next_codes(working, code, stocks[code], count) for code, count in pools.items()}
    working.prefetch(COUPON_CODE.at(coupon, code) for coupon, found in codes.items() for code in found)
    made = {code: (coupon.generator, count) for code, (coupon, count) in wanted.items() if coupon.generator}
    codes |= _new_codes(working, made, random)
    return {code: CouponSupply(coupon, tuple(codes[code])) for code, (coupon, _) in wanted.items()}


def _new_codes(working: Working, wanted: Mapping[str, tuple[Generator, int]], random: Random) -> dict[str, list[str]]:
    """So many codes of each coupon that were never given; fewer where hardly any can be found."""
    found: dict[str, dict[str, None]] = {coupon: {} for coupon in wanted}
    for _ in range(DRAWS):
        drawn = [
            (coupon, generated_code(generator, random))
            for coupon, (generator, count) in wanted.items()
            for _ in range(count - len(found[coupon]))
        ]
        if not drawn:
            break
        streams = [COUPON_CODE.at(coupon, code) for coupon, code in drawn]
        working.prefetch(streams)
        for (coupon, code), stream in zip(drawn, streams, strict=True):
            if working.state(stream) is None:
                found[coupon][code] = None
    return {coupon: list(codes) for coupon, codes in found.items()}
