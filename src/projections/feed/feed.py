"""The feed: what happened, told to others in shapes of its own, which stay while the log's may grow.

Whoever tells others what happened tells it by `feed_event` and by nothing else. What an integration may not read
elsewhere is in no shape of its types: neither a code that nobody has, nor what a definition says or a condition saw.
"""

from collections.abc import Iterable
from datetime import UTC
from typing import Any, get_args

from application.log.events import Recorded
from application.service.keys import READERS, Role
from projections.feed import achievements, campaigns, definitions, facts, members, tiered
from projections.feed.base import Shapes

FeedEvent = (
    facts.TransactionReceipt
    | facts.TransactionUpdate
    | facts.TransactionAcceptance
    | facts.TransactionRejection
    | facts.TransactionRefund
    | facts.EventReceipt
    | members.MemberRegistration
    | members.MemberChange
    | members.MemberReferral
    | members.ListEntry
    | members.ListExit
    | tiered.StandingChange
    | tiered.PointsAward
    | tiered.PointsCorrection
    | achievements.ProgressAdvance
    | achievements.ProgressReversal
    | achievements.AchievementCompletion
    | achievements.ProgressAdjustment
    | campaigns.DecisionGrant
    | campaigns.DecisionRefusal
    | campaigns.DecisionCancellation
    | definitions.DefinitionChange
    | tiered.EvaluationStart
    | tiered.EvaluationEnd
)

_SHAPES: Shapes = {
    **facts.SHAPES,
    **members.SHAPES,
    **tiered.SHAPES,
    **achievements.SHAPES,
    **campaigns.SHAPES,
    **definitions.SHAPES,
}
"""What is not here is told to nobody: stocks, codes, budgets, the policy, requests, recounts."""


def type_of(shape: Any) -> str:  # noqa: ANN401  a class of the union
    """Of events of a shape."""
    return str(shape.__struct_config__.tag)


_OF_DEFINITIONS = frozenset(map(type_of, (definitions.DefinitionChange, tiered.EvaluationStart, tiered.EvaluationEnd)))
TYPES = tuple(type_of(shape) for shape in get_args(FeedEvent))
"""The types of the feed's events."""


def types_for(role: Role) -> frozenset[str]:
    """The types that a role may be told of."""
    return frozenset(TYPES) if role in READERS else frozenset(TYPES) - _OF_DEFINITIONS


def feed_event(recorded: Recorded) -> FeedEvent | None:
    """An event of the log as others are told of it; None where they are not."""
    known = _SHAPES.get(recorded.tag.partition("@")[0])
    if known is None:
        return None
    shape, data = known
    at = recorded.envelope.recorded_at.astimezone(UTC)
    event: FeedEvent = shape(str(recorded.position), at, data(recorded))
    return event


def concerns(event: FeedEvent) -> frozenset[str]:
    """The members that an event is about: who acted, and who receives something by it."""
    data: Any = event.data
    named = {getattr(data, "member", None), *(gift.member for gift in getattr(data, "gifts", ()))}
    return frozenset(name for name in named if name is not None)


def tags_of(types: Iterable[str]) -> frozenset[str]:
    """The log's tags of events of these types."""
    wanted = frozenset(types)
    return frozenset(tag for tag, (shape, _) in _SHAPES.items() if type_of(shape) in wanted)
