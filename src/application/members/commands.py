"""Commands over members: check what they refer to, ask the domain, record the answer."""

from application.log.working import Working
from application.service.refusals import Conflict, Unknown
from application.streams import MEMBER
from domain.members import member as members
from domain.members.member import FixedReferrer, Member, ReferrerCycle, SelfReferral
from domain.values.attributes import Attributes
from domain.values.problems import Invalid, Problem

MOST_STEPS = 30
"""Along a chain of referrers, each a stream to load: fewer than the loads that one command may ask for."""


def put_member(
    working: Working, member_id: str, tier: str | None, attributes: Attributes, referrer: str | None
) -> Member:
    stream = MEMBER.at(member_id)
    working.prefetch(MEMBER.at(one) for one in (member_id, referrer) if one)
    member = working.state(stream)
    has_one = member is not None and member.referrer is not None
    origin = origin_of(working, referrer) if referrer not in (None, member_id) and not has_one else None
    decided = members.put(member, member_id, tier, attributes, referrer, origin)
    match decided:
        case FixedReferrer():
            raise Conflict(f"the referrer is {decided.referrer} and can't change", "referrer_fixed")
        case SelfReferral():
            raise Invalid([Problem("/referrer", "must be another member")])
        case ReferrerCycle():
            detail = f"`{member_id}` has referred `{referrer}`, directly or through others"
            raise Conflict(detail, "referrer_cycle")
    for event in decided:
        working.record(stream, event)
    member = working.state(stream)
    assert member  # noqa: S101  it was there or has just been registered
    return member


def origin_of(working: Working, member_id: str) -> str:
    """The first of the chain of referrers that ends with a member: the one whom nobody has referred.

    Each step goes as far as was known when that referrer was set, so that chains are as long as they like. All that is
    passed is among what the command has touched: of two that would close a circle together, the second sees the first.
    """
    for _ in range(MOST_STEPS):
        member = working.state(MEMBER.at(member_id))
        if member is None or member.referrer is None:
            return member_id
        member_id = member.origin or member.referrer
    raise Conflict(f"the referrer's own referrers can't be followed within {MOST_STEPS} steps", "referrers_too_many")


def change_list(working: Working, code: str, member_id: str, *, joins: bool) -> bool:
    """Puts a member on a list or takes them off it; False when nothing changes."""
    if not working.catalogue.has_list(code):
        raise Unknown(f"no list `{code}`")
    stream = MEMBER.at(member_id)
    member = working.state(stream)
    events = members.join(member, member_id, code) if joins else members.leave(member, code)
    for event in events:
        working.record(stream, event)
    return bool(events)
