"""Cancelling a grant: what it gave is taken back, its units return to the budget and rewards to their stock.

Whoever cancels asks for it, and it takes effect in its turn: what limits and budgets have left for a decision hangs on
the order of triggers and cancellations in the log, and on nothing else.
"""

from uuid import UUID

from application.campaigns.awarding import POLICY, Overtaking, decided
from application.log.events import Recorded
from application.log.working import Working
from application.service.refusals import Conflict
from application.streams import CAMPAIGN_BUDGET, COUPON_CODE, PARTICIPATION, STOCK
from domain.campaigns import budget
from domain.campaigns.award_policy import Decided
from domain.campaigns.decision import SecondCancellation, ask_to_cancel, cancel
from domain.campaigns.definition import Recipient
from domain.campaigns.ledger import STOCKS
from domain.campaigns.participation import NOTHING, Cancelled, Granted, ReferralReleased, decision_id, receipt_of
from domain.catalogue import coupon_code, stock


def request_cancellation(working: Working, granted: Granted, version: int, reason: str) -> UUID:
    """Asks to cancel the grant that is the `version`-th event of its stream; answers the cancellation's id.

    Raises Conflict when that was asked for already.
    """
    stream = PARTICIPATION.at(granted.campaign, granted.member)
    asked = ask_to_cancel(working.state(stream) or NOTHING, granted, version, reason)
    if isinstance(asked, SecondCancellation):
        raise Conflict("the decision is cancelled already", "already_cancelled")
    working.record(stream, asked)
    return decision_id(stream.id, working.version(stream))


def cancel_grant(working: Working, recorded: Decided, granted: Granted, request: Recorded) -> Cancelled | Overtaking:
    """Cancels a grant by the event that asked for it, whose turn has come: all before it is `recorded` as decided."""
    if decided(working) != recorded:
        return Overtaking()
    stream = PARTICIPATION.of(request.stream)
    cancelled = cancel(granted, request.event, request.version)
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
        about = granted.campaign, referral.member, granted.member, decision_id(stream.id, cancelled.granted)
        released = ReferralReleased(*about, granted.moment, referral.units)
        working.record(PARTICIPATION.at(granted.campaign, referral.member), released)
    if cancelled.units:
        working.record(budget_stream, budget.Returned(granted.campaign, cancelled.moment, cancelled.units))
    for kind, code in dict.fromkeys(of_stock):
        working.record(STOCK.at(kind, code), stock.Returned(kind, code, of_stock.count((kind, code))))
    for coupon, code, member in codes:
        working.record(COUPON_CODE.at(coupon, code), coupon_code.Voided(coupon, code, member))
    working.record(POLICY, Decided(request.position))
    return cancelled
