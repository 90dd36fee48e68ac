"""What a campaign's expressions see: the member it fired for, the fact behind it, and how far an achievement is."""

from uuid import UUID

from msgspec import Struct

from domain.achievements.progress import Move
from domain.facts.event import Happening
from domain.facts.purchase import Purchase
from domain.members.member import Member


class AchievementContext(Struct, frozen=True, gc=False):
    """`completions` are the member's, with the one that fired the campaign, if one did."""

    id: UUID
    name: str
    completions: int


class Occasion(Struct, frozen=True, gc=False):
    """What fired a campaign. `transaction` or `event` is the fact behind it; neither where it was done by hand.

    `moves` are the rules of the achievement that the fact moved, in order. The member is the one whose progress it is,
    so not the one who acted where a referrer progressed. `member` comes first, as in `facts.scope.Seen`, so that
    segments read both.
    """

    member: Member
    achievement: AchievementContext
    transaction: Purchase | None = None
    event: Happening | None = None
    moves: tuple[Move, ...] = ()
