"""Members as commands see them."""

from application.log.working import Working
from application.streams import MEMBER
from domain.members.member import Member, Registered


def member_at(working: Working, member_id: str, version: int | None) -> Member:
    """The member as they were when their stream had so many events; as they are, where that is not known."""
    stream = MEMBER.at(member_id)
    member = working.state(stream) if version is None else working.state_at(stream, version)
    return member or Member(member_id)


def registration(working: Working, member_id: str) -> Registered | None:
    """Whoever a member names as their referrer is a member too, from when it matters; None where they are already."""
    return Registered(member_id) if working.state(MEMBER.at(member_id)) is None else None
