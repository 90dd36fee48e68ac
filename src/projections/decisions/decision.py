"""One decision as it is shown: what was granted or refused and why, explained down to the facts."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from domain.campaigns.definition import EffectKind, Recipient
from domain.facts.fact import FactKind
from projections.decisions.rows import DecisionKind, DecisionReason, Outcome
from projections.listing.page import Figure, Units
from projections.tiered.previews import TierLine


class CauseKind(StrEnum):
    """A fact by its own kind, or what happened to an occurrence, to a member's progress, or to a decision."""

    EVALUATION = "evaluation"
    TRANSACTION = "transaction"
    EVENT = "event"
    ACHIEVEMENT_COMPLETED = "achievement_completed"
    ACHIEVEMENT_PROGRESSED = "achievement_progressed"
    MANUAL_CHANGE = "manual_change"
    CANCELLATION = "cancellation"


class RuleMove(Struct, frozen=True, gc=False):
    """A rule (from 1) of an achievement that a fact moved, to `value` of `goal` in the fact's own period."""

    rule: int
    value: Figure
    goal: Figure


class TriggerView(Struct, frozen=True, gc=False, kw_only=True):
    """What the decision answers to; what does not belong to its kind is absent.

    The evaluation of an occurrence of a `tiered_campaign`, or a fact that came after it; the completion (`number`) of
    an `achievement` or the progress of its rule (`number`), with the fact that did it (`id` is null where it was done
    by hand) and all the `rules` that it moved; the cancellation of a decision (`id`), who it was `by` and their
    `reason`.
    """

    kind: CauseKind
    id: str | None
    tiered_campaign: UUID | UnsetType = UNSET
    occurrence: int | UnsetType | None = UNSET
    fact_kind: FactKind | UnsetType | None = UNSET
    achievement: UUID | UnsetType = UNSET
    achievement_revision: int | UnsetType = UNSET
    number: int | UnsetType = UNSET
    rules: tuple[RuleMove, ...] | UnsetType = UNSET
    position: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET


class UnitsBreakdown(Struct, frozen=True, gc=False, kw_only=True):
    """How an effect comes to its units.

    Of a tiered campaign: `aggregate` by tiers (`lines`), their sum `unrounded`, and that rounded to `points`. Of a
    campaign: the `expression`, its value `unrounded`, and what was given of it: `units`, which were `clamped` when less
    was left.
    """

    aggregate: Figure | UnsetType = UNSET
    lines: tuple[TierLine, ...] | UnsetType = UNSET
    expression: str | UnsetType = UNSET
    unrounded: Figure | None
    points: Units | UnsetType = UNSET
    units: Units | UnsetType = UNSET
    clamped: bool | UnsetType = UNSET


class DecisionEffect(Struct, frozen=True, gc=False, kw_only=True):
    """What was given, or taken back by a cancellation (negative units), and how it was computed.

    The breakdown of a correction is that of the award as corrected. A campaign's effect names the `member` it went to,
    the `coupon` (with its `code`), `reward` or `badge`, and the `reason` when it gave nothing.
    """

    kind: EffectKind
    to: Recipient
    member: str | UnsetType | None = UNSET
    account: str | None
    units: Units
    breakdown: UnitsBreakdown | UnsetType = UNSET
    coupon: str | UnsetType = UNSET
    reward: str | UnsetType = UNSET
    badge: str | UnsetType = UNSET
    code: str | UnsetType | None = UNSET
    value: Figure | UnsetType | None = UNSET
    valid_until: datetime | UnsetType | None = UNSET
    reason: str | UnsetType | None = UNSET
    detail: str | UnsetType | None = UNSET


class SeenValue(Struct, frozen=True, gc=False):
    """A name that a condition reads and the value it had; null where there was none."""

    name: str
    value: str | None


class ConditionView(Struct, frozen=True, gc=False):
    """A condition as an expression, whether it was met, and what it saw."""

    expression: str
    met: bool
    saw: tuple[SeenValue, ...]


class DecisionRule(Struct, frozen=True, gc=False, kw_only=True):
    """A rule with its conditions as they were seen, and what it gave."""

    rule: int
    name: str | UnsetType = UNSET
    conditions: tuple[ConditionView, ...]
    effects: tuple[DecisionEffect, ...]


class CountersView(Struct, frozen=True, gc=False, kw_only=True):
    """What the member's occurrence has paid; or what a campaign's limits count, each in its own interval. The
    referrer's are absent where nothing could go to one.
    """

    awarded_points: Units | UnsetType = UNSET
    member_executions: Figure | UnsetType = UNSET
    member_units: Figure | UnsetType = UNSET
    referrer_executions: Figure | UnsetType = UNSET
    referrer_units: Figure | UnsetType = UNSET
    total_units: Figure | UnsetType = UNSET


class CountersChange(Struct, frozen=True, gc=False):
    """What was counted before the decision and after it."""

    before: CountersView
    after: CountersView


class PeriodDays(Struct, frozen=True, gc=False, rename={"start": "from"}):
    """The days of a period, first and last."""

    start: date
    to: date


class FactCause(Struct, frozen=True, gc=False, kw_only=True):
    """A fact behind a decision.

    Of a tiered campaign: its contribution to the `occurrence` became `amount`, the member's aggregate `total`, and it
    was `confirmed` or pending then; absent where an old log does not tell. Of an achievement: it added `amount` to a
    `rule` (negative where it was taken back), which then had `total` of `goal` in the fact's own `period`, one of those
    that made the rule complete; that is absent where a rule counts overall.
    """

    kind: FactKind
    id: str
    occurrence: int | UnsetType = UNSET
    rule: int | UnsetType = UNSET
    period: PeriodDays | UnsetType = UNSET
    amount: Figure
    total: Figure
    confirmed: bool | UnsetType = UNSET
    goal: Figure | UnsetType = UNSET
    occurred_at: datetime | UnsetType = UNSET
    recorded_at: datetime
    position: str


class CauseView(Struct, frozen=True, gc=False, kw_only=True):
    """A link of the chain that led to a decision: the evaluation, late fact, completion or progress, with the facts
    behind it; a change of progress by hand, or a cancellation, with its `reason` and who it was `by`.

    In lists `facts` is left out (null); `more_facts` says that there are more than the newest 1,000 shown.
    """

    kind: CauseKind
    id: str | None
    occurrence: int | UnsetType | None = UNSET
    achievement: UUID | UnsetType = UNSET
    number: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    position: str | UnsetType = UNSET
    facts: tuple[FactCause, ...] | None
    more_facts: bool


class DecisionRow(Struct, frozen=True, gc=False, kw_only=True):
    """One decision; `position` is its own place in the log. `campaign` is a tiered one for awards and corrections.

    A cancellation takes back what the decision that it `cancels` gave; that one says what it was `cancelled_by`. A
    correction names the award that it `corrects` (null where the member had none), and an award what it was
    `corrected_by`, at most the newest 100. Corrections and cancellations count as granted. A cancellation has no
    counters (null). `memberships` are what put the member in a campaign's audience: `segment:CODE` or `tier:NAME`.
    """

    id: UUID
    kind: DecisionKind
    outcome: Outcome
    reasons: tuple[DecisionReason, ...]
    member: str
    campaign: UUID
    revision: int
    occurred_at: datetime
    recorded_at: datetime
    position: str
    trigger: TriggerView
    rules: tuple[DecisionRule, ...]
    counters: CountersChange | None
    caused_by: tuple[CauseView, ...]
    memberships: tuple[str, ...] | UnsetType = UNSET
    cancels: UUID | UnsetType = UNSET
    cancelled_by: UUID | UnsetType | None = UNSET
    corrects: UUID | UnsetType | None = UNSET
    corrected_by: tuple[UUID, ...] | UnsetType = UNSET
