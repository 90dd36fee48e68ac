"""Members in the feed: who they are, and the lists they are on."""

from msgspec import Struct

from application.log.events import Recorded
from domain.members import member
from domain.values.attributes import Attributes
from projections.feed.base import FeedEventBase, Shapes


class MemberData(Struct, frozen=True, gc=False):
    """A member who was registered."""

    member: str


class AttributesData(Struct, frozen=True, gc=False):
    """Tier and attributes as they are from now on."""

    member: str
    tier: str | None
    attributes: Attributes


class ReferrerData(Struct, frozen=True, gc=False):
    """Who referred a member."""

    member: str
    referrer: str


class ListData(Struct, frozen=True, gc=False):
    """A member, and the list that they are on now, or no more."""

    member: str
    list: str


class MemberRegistration(FeedEventBase, frozen=True, gc=False, tag="member.registered"):
    """A member is known from now on."""

    data: MemberData


class MemberChange(FeedEventBase, frozen=True, gc=False, tag="member.changed"):
    """A member's tier or attributes changed."""

    data: AttributesData


class MemberReferral(FeedEventBase, frozen=True, gc=False, tag="member.referrer_set"):
    """A member has a referrer."""

    data: ReferrerData


class ListEntry(FeedEventBase, frozen=True, gc=False, tag="member.list_joined"):
    """A member came on a list."""

    data: ListData


class ListExit(FeedEventBase, frozen=True, gc=False, tag="member.list_left"):
    """A member was taken off a list."""

    data: ListData


def _registered(recorded: Recorded) -> MemberData:
    event: member.Registered = recorded.event
    return MemberData(event.member)


def _changed(recorded: Recorded) -> AttributesData:
    event: member.Changed = recorded.event
    return AttributesData(event.member, event.tier, event.attributes)


def _referrer(recorded: Recorded) -> ReferrerData:
    event: member.ReferrerSet = recorded.event
    return ReferrerData(event.member, event.referrer)


def _list(recorded: Recorded) -> ListData:
    event: member.ListJoined | member.ListLeft = recorded.event
    return ListData(event.member, event.list)


SHAPES: Shapes = {
    member.Registered.tag: (MemberRegistration, _registered),
    member.Changed.tag: (MemberChange, _changed),
    member.ReferrerSet.tag: (MemberReferral, _referrer),
    member.ListJoined.tag: (ListEntry, _list),
    member.ListLeft.tag: (ListExit, _list),
}
