"""The kinds of stream in the log: what identifies each, and which events it is made of."""

from typing import Any, TypeVar, cast

from application.log.streams import Stream, StreamKind
from domain.achievements import achievement, progress
from domain.campaigns import award_policy, budget, campaign, participation
from domain.catalogue import coupon_code, product, stock
from domain.catalogue import entries as catalogue
from domain.facts import event as member_event
from domain.facts import transaction
from domain.facts.fact import Fact, FactKind
from domain.members import member
from domain.service import administration, request
from domain.tiered import campaign as tiered_campaign
from domain.tiered import icon, preview, recount, standing
from domain.tiered import occurrence as tiered_occurrence

T = TypeVar("T", bound=catalogue.Entry)

MEMBER = StreamKind(
    "member",
    member.Member,
    member.evolve,
    (member.Registered, member.Changed, member.ReferrerSet, member.ListJoined, member.ListLeft),
    recalled=True,
)
"""By the caller's id of the member."""

TRANSACTION = StreamKind(
    "transaction",
    transaction.Transaction,
    transaction.evolve,
    (
        transaction.Received,
        transaction.Updated,
        transaction.Accepted,
        transaction.Rejected,
        transaction.Refunded,
        transaction.Recounted,
    ),
    brief=True,
)
"""By the caller's id of the transaction."""

MEMBER_EVENT = StreamKind(
    "member_event",
    member_event.MemberEvent,
    member_event.evolve,
    (member_event.Received, member_event.Recounted),
    brief=True,
)
"""By the caller's id of the event."""

ENTRY = StreamKind("catalogue_entry", catalogue.Entry, catalogue.evolve, (catalogue.EntryPut,), catalogue=True)
"""By what it is (`event_type`, `account`, `segment`, `list`, `badge`, `coupon`, `reward`) and its code."""


def entry_at(kind: type[T], code: str) -> Stream[T, catalogue.EntryPut]:
    """The stream of the entry of this kind that a code names."""
    return cast("Stream[T, catalogue.EntryPut]", ENTRY.at(catalogue.kind_of(kind), code))


PRODUCT = StreamKind("product", product.Product, product.evolve, (product.Put,))
"""By sku. Products are many, so no process keeps them all in memory."""

TIERED_CAMPAIGN = StreamKind(
    "tiered_campaign",
    tiered_campaign.TieredCampaign,
    tiered_campaign.evolve,
    (tiered_campaign.Revised, tiered_campaign.Activated, tiered_campaign.Deactivated, tiered_campaign.Archived),
    catalogue=True,
)
"""By its own id."""

RECOUNT = StreamKind("tiered_recount", recount.Recount, recount.evolve, (recount.Recounted,), catalogue=True)
"""By tiered campaign. Beside the campaign's own stream, whose version is that of its definition and life."""

ICON = StreamKind("icon", icon.IconPut, icon.evolve, (icon.IconPut,))
"""By tiered campaign."""

TIERED_OCCURRENCE = StreamKind(
    "tiered_occurrence",
    tiered_occurrence.TieredOccurrence,
    tiered_occurrence.evolve,
    (tiered_occurrence.EvaluationStarted, tiered_occurrence.Evaluated),
    catalogue=True,
)
"""By tiered campaign and number."""

STANDING = StreamKind(
    "standing",
    standing.Standing,
    standing.evolve,
    (standing.Contributed, standing.Awarded, standing.Corrected),
)
"""By tiered campaign, occurrence number and member."""

PREVIEW = StreamKind("preview", preview.Preview, preview.evolve, (preview.Requested, preview.Finished, preview.Failed))
"""By its own id."""

ACHIEVEMENT = StreamKind(
    "achievement",
    achievement.Achievement,
    achievement.evolve,
    (achievement.Defined, achievement.Activated, achievement.Deactivated, achievement.Archived),
    catalogue=True,
)
"""By its own id."""

PROGRESS = StreamKind(
    "progress",
    progress.Progress,
    progress.evolve,
    (
        progress.Carried,
        progress.Advanced,
        progress.Reversed,
        progress.Completed,
        progress.Adjusted,
        progress.RefereeCounted,
        progress.RefereeReleased,
    ),
)
"""By achievement, revision and member."""

CAMPAIGN = StreamKind(
    "campaign",
    campaign.Campaign,
    campaign.evolve,
    (campaign.Defined, campaign.Activated, campaign.Paused, campaign.Deleted),
    catalogue=True,
)
"""By its own id."""

PARTICIPATION = StreamKind(
    "participation",
    participation.Participation,
    participation.evolve,
    (
        participation.Granted,
        participation.Refused,
        participation.CancellationRequested,
        participation.Cancelled,
        participation.ReferralCounted,
        participation.ReferralReleased,
    ),
)
"""By campaign and member."""

CAMPAIGN_BUDGET = StreamKind("campaign_budget", budget.Budget, budget.evolve, (budget.Reserved, budget.Returned))
"""By campaign."""

STOCK = StreamKind("stock", stock.Stock, stock.evolve, (stock.Supplied, stock.Taken, stock.Returned))
"""By what it is (`coupon`, `reward`) and its code."""

COUPON_CODE = StreamKind(
    "coupon_code",
    coupon_code.CouponCode,
    coupon_code.evolve,
    (coupon_code.Imported, coupon_code.Issued, coupon_code.Voided),
)
"""By coupon and code."""

COUPON_SLOT = StreamKind("coupon_slot", coupon_code.Slot, coupon_code.evolve_slot, (coupon_code.Slot,))
"""By coupon and number in its pool."""

AWARD_POLICY = StreamKind("award_policy", award_policy.Decided, award_policy.evolve, (award_policy.Decided,))
"""There is one."""

ADMINISTRATION = StreamKind(
    "administration",
    administration.Acts,
    administration.evolve,
    (
        administration.KeyMade,
        administration.KeyRevoked,
        administration.ClockMoved,
        administration.ClockReturned,
        administration.RebuildStarted,
    ),
)
"""By what was acted on (`key`, `clock`, `rebuild`) and its id, where there are several."""

REQUEST = StreamKind("request", request.Answered, request.evolve, (request.Answered,))
"""By API key and idempotency key."""


def fact_stream(fact: Fact) -> Stream[Any, Any]:
    return (TRANSACTION if fact.kind == FactKind.TRANSACTION else MEMBER_EVENT).at(fact.id)


KINDS: tuple[StreamKind[Any, Any], ...] = (
    MEMBER,
    TRANSACTION,
    MEMBER_EVENT,
    ENTRY,
    PRODUCT,
    TIERED_CAMPAIGN,
    RECOUNT,
    ICON,
    TIERED_OCCURRENCE,
    STANDING,
    PREVIEW,
    ACHIEVEMENT,
    PROGRESS,
    CAMPAIGN,
    PARTICIPATION,
    CAMPAIGN_BUDGET,
    STOCK,
    COUPON_CODE,
    COUPON_SLOT,
    AWARD_POLICY,
    ADMINISTRATION,
    REQUEST,
)
