"""A tiered campaign's icon, on a stream of its own so that no decision loads a picture."""

from typing import ClassVar
from uuid import UUID

from msgspec import Struct


class IconPut(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "tiered_campaign.icon_put"
    campaign: UUID
    media_type: str
    content: bytes


def evolve(_: IconPut | None, event: IconPut) -> IconPut:
    return event
