"""What a campaign's expressions see: the member it fired for, the fact behind it, and how far an achievement is."""

from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from domain.member import Member
from domain.member_event import Happening
from domain.transaction import Purchase


class AchievementSeen(Struct, frozen=True, gc=False):
    """`completions` are the member's, with the one that fired the campaign, if one did."""

    id: UUID
    name: str
    completions: int


class ProgressSeen(Struct, frozen=True, gc=False):
    """The rule (from 1) that progressed, to `value` of `goal` in the fact's own period."""

    rule: int
    value: Decimal
    goal: Decimal


class Occasion(Struct, frozen=True, gc=False):
    """What fired a campaign. `transaction` or `event` is the fact behind it; neither where it was done by hand.

    `progress` is that of the rule that moved last, where a fact moved one. The member is the one whose progress it is,
    so not the one who acted where a referrer progressed. `member` comes first, as in `contribution.Seen`, so that
    segments read both.
    """

    member: Member
    achievement: AchievementSeen
    transaction: Purchase | None = None
    event: Happening | None = None
    progress: ProgressSeen | None = None
