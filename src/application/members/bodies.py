"""What callers send about members, and what it becomes; bodies as in `application.bodies.base`."""

from typing import Annotated

from msgspec import Meta, field

from application.bodies.base import Attributes, Label, check
from application.bodies.exact import Body, Identifier
from domain.values.problems import Problem

MOST_MEMBERS = 1000


Members = Annotated[tuple[Identifier, ...], Meta(max_length=MOST_MEMBERS)]


class MemberBody(Body, frozen=True):
    """A member as they are from now on. Once set, a `referrer` stays; leaving it out is no change to it."""

    tier: Label | None = None
    attributes: Attributes = field(default_factory=dict)
    referrer: Identifier | None = None


class ListMembersBody(Body, frozen=True):
    """Who joins and who leaves a list, all of it or nothing."""

    add: Members = ()
    remove: Members = ()

    def check(self) -> None:
        added = set(self.add)
        check(
            Problem(f"/remove/{number}", "is also in `add`; it can be in one of them")
            for number, member in enumerate(self.remove)
            if member in added
        )
