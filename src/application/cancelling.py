"""Cancelling a grant: what it gave is taken back, its units return to the budget and rewards to their stock."""

from uuid import UUID

from msgspec import Struct

from application.log.working import Working
from application.refusals import Conflict
from application.streams import CAMPAIGN_BUDGET, COUPON_CODE, PARTICIPATION, STOCK
from domain import budget, coupon_code, stock
from domain.campaign_definition import Recipient
from domain.decision import AlreadyCancelled, cancel
from domain.ledger import STOCKS
from domain.participation import NOTHING, Cancelled, Granted, ReferralReleased, decision_id, receipt_of


class Cancellation(Struct, frozen=True, gc=False):
    """A cancellation and its id."""

    id: UUID
    cancelled: Cancelled


def cancel_grant(working: Working, granted: Granted, version: int, reason: str) -> Cancellation:
    """Cancels the grant that is the `version`-th event of its stream. Raises Conflict when it is cancelled already."""
    stream = PARTICIPATION.at(granted.campaign, granted.member)
    cancelled = cancel(working.state(stream) or NOTHING, granted, version, reason)
    if isinstance(cancelled, AlreadyCancelled):
        raise Conflict("the decision is cancelled already", "already_cancelled")
    of_stock = [(STOCKS[effect.kind], effect.given or "") for effect in cancelled.effects if effect.kind in STOCKS]
    codes = [(effect.given or "", effect.code, effect.member or "") for effect in cancelled.effects if effect.code]
    budget_stream = CAMPAIGN_BUDGET.at(granted.campaign)
    working.prefetch(
        [
            budget_stream,
            *(PARTICIPATION.at(granted.campaign, receipt.member) for receipt in cancelled.receipts or ()),
            *(STOCK.at(*key) for key in of_stock),
            *(COUPON_CODE.at(coupon, code) for coupon, code, _ in codes),
        ]
    )
    working.record(stream, cancelled)
    if referral := receipt_of(cancelled, Recipient.REFERRER):
        about = granted.campaign, referral.member, granted.member, decision_id(stream.id, version)
        released = ReferralReleased(*about, granted.moment, referral.units)
        working.record(PARTICIPATION.at(granted.campaign, referral.member), released)
    if cancelled.units:
        working.record(budget_stream, budget.Returned(granted.campaign, cancelled.moment, cancelled.units))
    for kind, code in dict.fromkeys(of_stock):
        working.record(STOCK.at(kind, code), stock.Returned(kind, code, of_stock.count((kind, code))))
    for coupon, code, member in codes:
        working.record(COUPON_CODE.at(coupon, code), coupon_code.Voided(coupon, code, member))
    return Cancellation(decision_id(stream.id, working.version(stream)), cancelled)
