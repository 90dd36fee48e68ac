"""What the service answers about members: commands and reads show them alike."""

from msgspec import Struct

from domain.members.member import Member
from domain.values.attributes import Attributes


class MemberAnswer(Struct, frozen=True, gc=False):
    """A member as they are."""

    position: str
    id: str
    tier: str | None
    attributes: Attributes
    lists: tuple[str, ...]
    referrer: str | None


def member(shown: Member, position: str = "") -> MemberAnswer:
    return MemberAnswer(position, shown.id, shown.tier, shown.attributes, shown.lists, shown.referrer)


class ListChangeAnswer(Struct, frozen=True, gc=False):
    """How many members joined and left; those who were on the list, or off it, already are not among them."""

    position: str
    added: int
    removed: int
