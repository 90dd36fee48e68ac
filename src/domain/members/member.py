"""A member: who earns. The log holds the caller's own id and attributes, no personal data."""

from typing import ClassVar, assert_never

from msgspec import Struct
from msgspec.structs import replace

from domain.values.attributes import Attributes


class Registered(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "member.registered"
    member: str


class Changed(Struct, frozen=True, gc=False):
    """Tier and attributes as they are from now on; what is not in it is gone."""

    tag: ClassVar[str] = "member.changed"
    member: str
    tier: str | None
    attributes: Attributes


class ReferrerSet(Struct, frozen=True, gc=False):
    """`origin` was the first of the chain of referrers then, which nobody had referred; None in older events."""

    tag: ClassVar[str] = "member.referrer_set"
    member: str
    referrer: str
    origin: str | None = None


class ListJoined(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "member.list_joined"
    member: str
    list: str


class ListLeft(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "member.list_left"
    member: str
    list: str


Event = Registered | Changed | ReferrerSet | ListJoined | ListLeft


class Member(Struct, frozen=True, gc=False):
    id: str
    tier: str | None = None
    attributes: Attributes = {}
    lists: tuple[str, ...] = ()
    referrer: str | None = None
    origin: str | None = None


def evolve(member: Member | None, event: Event) -> Member:
    was = member or Member(event.member)
    match event:
        case Registered():
            return was
        case Changed():
            return replace(was, tier=event.tier, attributes=event.attributes)
        case ReferrerSet():
            return replace(was, referrer=event.referrer, origin=event.origin)
        case ListJoined():
            return replace(was, lists=(*was.lists, event.list))
        case ListLeft():
            return replace(was, lists=tuple(code for code in was.lists if code != event.list))
        case _:
            assert_never(event)


class FixedReferrer(Struct, frozen=True, gc=False):
    """A referrer is set once; another one can't take its place."""

    referrer: str


class SelfReferral(Struct, frozen=True, gc=False):
    """A member can't be their own referrer."""


class ReferrerCycle(Struct, frozen=True, gc=False):
    """A member can't be referred by whom they have referred, directly or through others."""


Refusal = FixedReferrer | SelfReferral | ReferrerCycle


def put(
    member: Member | None,
    member_id: str,
    tier: str | None,
    attributes: Attributes,
    referrer: str | None,
    origin: str | None = None,
) -> list[Event] | Refusal:
    """What putting a member records: nothing when nothing changes. A `referrer` of None leaves the one there is.

    `origin` is the first of the chain of referrers that ends with a new one. Nobody has referred a member who is given
    a referrer, so the chain goes in a circle only if the member is that first one.
    """
    if referrer == member_id:
        return SelfReferral()
    if member and member.referrer and referrer not in (None, member.referrer):
        return FixedReferrer(member.referrer)
    if origin == member_id:
        return ReferrerCycle()
    was = member or Member(member_id)
    events: list[Event] = [] if member else [Registered(member_id)]
    if (was.tier, was.attributes) != (tier, attributes):
        events.append(Changed(member_id, tier, attributes))
    if referrer and was.referrer is None:
        events.append(ReferrerSet(member_id, referrer, origin))
    return events


def join(member: Member | None, member_id: str, code: str) -> list[Event]:
    if member and code in member.lists:
        return []
    return [*([] if member else [Registered(member_id)]), ListJoined(member_id, code)]


def leave(member: Member | None, code: str) -> list[Event]:
    return [ListLeft(member.id, code)] if member and code in member.lists else []
