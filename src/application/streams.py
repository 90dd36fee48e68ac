"""The kinds of stream in the log: what identifies each, and which events it is made of."""

from typing import Any

from application.log.streams import Kind
from domain import (
    catalogue,
    icon,
    member,
    member_event,
    preview,
    product,
    recount,
    request,
    standing,
    tiered_campaign,
    tiered_occurrence,
    transaction,
)

MEMBER = Kind(
    "member",
    member.Member,
    member.evolve,
    (member.Registered, member.Changed, member.ReferrerSet, member.ListJoined, member.ListLeft),
)
"""By the caller's id of the member."""

TRANSACTION = Kind(
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

MEMBER_EVENT = Kind(
    "member_event",
    member_event.MemberEvent,
    member_event.evolve,
    (member_event.Received, member_event.Recounted),
    brief=True,
)
"""By the caller's id of the event."""

ENTRY = Kind("catalogue_entry", catalogue.Entry, catalogue.evolve, (catalogue.EntryPut,), catalogue=True)
"""By what it is (`event_type`, `account`, `segment`, `list`) and its code."""

PRODUCT = Kind("product", product.Product, product.evolve, (product.Put,))
"""By sku. Products are many, so no process keeps them all in memory."""

TIERED_CAMPAIGN = Kind(
    "tiered_campaign",
    tiered_campaign.TieredCampaign,
    tiered_campaign.evolve,
    (tiered_campaign.Revised, tiered_campaign.Activated, tiered_campaign.Deactivated, tiered_campaign.Archived),
    catalogue=True,
)
"""By its own id."""

RECOUNT = Kind("tiered_recount", recount.Recount, recount.evolve, (recount.Recounted,), catalogue=True)
"""By tiered campaign. Beside the campaign's own stream, whose version is that of its definition and life."""

ICON = Kind("icon", icon.IconPut, icon.evolve, (icon.IconPut,))
"""By tiered campaign."""

TIERED_OCCURRENCE = Kind(
    "tiered_occurrence",
    tiered_occurrence.TieredOccurrence,
    tiered_occurrence.evolve,
    (tiered_occurrence.EvaluationStarted, tiered_occurrence.Evaluated),
    catalogue=True,
)
"""By tiered campaign and number."""

STANDING = Kind(
    "standing",
    standing.Standing,
    standing.evolve,
    (standing.Contributed, standing.Awarded, standing.Corrected),
)
"""By tiered campaign, occurrence number and member."""

PREVIEW = Kind("preview", preview.Preview, preview.evolve, (preview.Requested, preview.Finished, preview.Failed))
"""By its own id."""

REQUEST = Kind("request", request.Answered, request.evolve, (request.Answered,))
"""By API key and idempotency key."""

KINDS: tuple[Kind[Any, Any], ...] = (
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
    REQUEST,
)
