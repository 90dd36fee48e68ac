"""How far the facts of a tiered campaign that were dated ahead are counted again by its newest terms."""

from typing import ClassVar
from uuid import UUID

from msgspec import Struct


class Recounted(Struct, frozen=True, gc=False):
    """Whatever was counted for the occurrences that `revision` has the terms of is counted by them."""

    tag: ClassVar[str] = "tiered_campaign.recounted"
    campaign: UUID
    revision: int


class Recount(Struct, frozen=True, gc=False):
    """`revision` is the last one that nothing is left to count again for."""

    campaign: UUID
    revision: int


def evolve(_: Recount | None, event: Recounted) -> Recount:
    return Recount(event.campaign, event.revision)


def finish(recount: Recount | None, campaign: UUID, revision: int) -> list[Recounted]:
    return [] if recount and recount.revision >= revision else [Recounted(campaign, revision)]
