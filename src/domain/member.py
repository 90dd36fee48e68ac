"""A member: who earns. The log holds the caller's own id and attributes, no personal data."""

from typing import ClassVar, assert_never

from msgspec import Struct

from domain.attributes import Attributes


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
    tag: ClassVar[str] = "member.referrer_set"
    member: str
    referrer: str


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


def evolve(member: Member | None, event: Event) -> Member:
    was = member or Member(event.member)
    match event:
        case Registered():
            return was
        case Changed():
            return Member(was.id, event.tier, event.attributes, was.lists, was.referrer)
        case ReferrerSet():
            return Member(was.id, was.tier, was.attributes, was.lists, event.referrer)
        case ListJoined():
            return Member(was.id, was.tier, was.attributes, (*was.lists, event.list), was.referrer)
        case ListLeft():
            left = tuple(code for code in was.lists if code != event.list)
            return Member(was.id, was.tier, was.attributes, left, was.referrer)
        case _:
            assert_never(event)


class ReferrerFixed(Struct, frozen=True, gc=False):
    """A referrer is set once; another one can't take its place."""

    referrer: str


class ReferrerIsSelf(Struct, frozen=True, gc=False):
    """A member can't be their own referrer."""


Refusal = ReferrerFixed | ReferrerIsSelf


def put(
    member: Member | None, member_id: str, tier: str | None, attributes: Attributes, referrer: str | None
) -> list[Event] | Refusal:
    """What putting a member records: nothing when nothing changes. A `referrer` of None leaves the one there is."""
    if referrer == member_id:
        return ReferrerIsSelf()
    if member and member.referrer and referrer not in (None, member.referrer):
        return ReferrerFixed(member.referrer)
    was = member or Member(member_id)
    events: list[Event] = [] if member else [Registered(member_id)]
    if (was.tier, was.attributes) != (tier, attributes):
        events.append(Changed(member_id, tier, attributes))
    if referrer and was.referrer is None:
        events.append(ReferrerSet(member_id, referrer))
    return events


def join(member: Member | None, member_id: str, code: str) -> list[Event]:
    if member and code in member.lists:
        return []
    return [*([] if member else [Registered(member_id)]), ListJoined(member_id, code)]


def leave(member: Member | None, code: str) -> list[Event]:
    return [ListLeft(member.id, code)] if member and code in member.lists else []
