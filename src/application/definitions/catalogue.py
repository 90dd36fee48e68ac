"""The definitions as every process holds them in memory: entries, tiered campaigns, and which occurrences are fenced.

The log's writer keeps it at the position it decides by, and the log refuses what an older one decided.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from uuid import UUID

from msgspec import Struct

from application.definitions.goals import Goal, Goals, compiled_terms, conditions_of
from application.definitions.likely import Likely
from application.definitions.rules import On, expressions_over, fired_on, firing
from application.definitions.rules import compiled_terms as compiled_campaign_terms
from application.log.catalogue import Entry as Row
from domain.achievements.achievement import Achievement, Status
from domain.achievements.terms import AchievementTerms
from domain.campaigns.campaign import Campaign, Life
from domain.campaigns.definition import CampaignTrigger
from domain.campaigns.terms import CampaignTerms
from domain.catalogue.entries import Account, Badge, Coupon, Entry, EventType, MemberList, Reference, Reward, Segment
from domain.expressions import (
    CompiledExpression,
    ExpressionProblem,
    Scope,
    Type,
    compile_described,
    compile_expression,
)
from domain.facts.fact import FactKind
from domain.facts.outcomes import Contribution
from domain.facts.scope import event_scope, member_scope, transaction_scope
from domain.tiered.campaign import Revision, TieredCampaign
from domain.tiered.definition import EVENT_DATES, TRANSACTION_DATES, Definition
from domain.tiered.occurrence import Phase, TieredOccurrence
from domain.tiered.points import TierTable
from domain.tiered.recount import Recount
from domain.tiered.terms import TieredTerms
from domain.values.attributes import AttributeType
from domain.values.problems import Problem


class Concern(Struct, frozen=True, gc=False):
    """One revision's terms, whether its campaign takes facts now, and whether it is completed: all of it is paid."""

    terms: TieredTerms
    active: bool
    completed: bool


Concerns = Likely[Concern]


def _filter(concern: Concern) -> CompiledExpression | None:
    return concern.terms.filter


def _is_told(concern: Concern) -> bool:
    return not concern.completed


NO_CONCERNS: Concerns = Likely()
NO_GOALS: Goals = Likely()


class Catalogue:
    """States by what they are, and what facts concern, compiled when first asked for after a change."""

    def __init__(self, time_zone: str) -> None:
        self.position = 0
        self.time_zone = time_zone
        self.tiered_campaigns: dict[UUID, TieredCampaign] = {}
        self.achievements: dict[UUID, Achievement] = {}
        self.campaigns: dict[UUID, Campaign] = {}
        self._entries: dict[tuple[type[Entry], str], Entry] = {}
        self._phases: dict[tuple[UUID, int], Phase] = {}
        self._evaluated: dict[UUID, int] = {}
        self._recounted: dict[UUID, int] = {}
        self._terms: dict[tuple[UUID, int], TieredTerms] = {}
        self._occurrences: dict[tuple[UUID, int], TieredTerms | None] = {}
        self._segments: dict[str, CompiledExpression] = {}
        self._concerns: dict[tuple[FactKind, str | None], Concerns] | None = None
        self._goals: dict[tuple[FactKind, str | None], Goals] | None = None
        self._achievement_terms: dict[UUID, AchievementTerms] = {}
        self._campaign_terms: dict[tuple[UUID, int], CampaignTerms] = {}
        self._firing: On | None = None
        self._triggers: frozenset[tuple[UUID, CampaignTrigger]] | None = None

    def forked(self) -> "Catalogue":
        """A copy that goes its own way from here on. What facts ask for is compiled first, once for all copies."""
        self.concerns(FactKind.TRANSACTION, None)
        self.goals(FactKind.TRANSACTION, None)
        self._fired()
        fork = copy(self)
        for name, held in vars(self).items():
            if isinstance(held, dict):
                setattr(fork, name, held.copy())
        return fork

    async def load(self, entries: Sequence[Row]) -> None:
        for row in entries:
            self.position = row.position
            match state := row.state:
                case TieredCampaign():
                    self.tiered_campaigns[state.id] = state
                    for revision in state.revisions:
                        self._terms.pop((state.id, revision.number), None)
                case TieredOccurrence():
                    self._note_phase(state)
                    continue
                case Achievement():
                    self.achievements[state.id] = state
                    self._achievement_terms.pop(state.id, None)
                    self._goals = None
                    self._forget_campaign_terms(lambda terms: terms.achievement == state.id)
                    continue
                case Campaign():
                    self.campaigns[state.id] = state
                    self._triggers = None
                    self._forget_campaign_terms(lambda terms: terms.campaign == state.id)
                    continue
                case Recount():
                    self._recounted[state.campaign] = state.revision
                    continue
                case _:
                    self._entries[type(state), state.code] = state
                    self._terms.clear()
                    self._segments.clear()
                    self._achievement_terms.clear()
                    self._goals = None
                    self._campaign_terms.clear()
                    self._firing = None
            self._concerns = None
            self._occurrences.clear()

    def account(self, code: str) -> Account | None:
        entry = self._entries.get((Account, code))
        return entry if isinstance(entry, Account) else None

    def event_type(self, code: str) -> EventType | None:
        entry = self._entries.get((EventType, code))
        return entry if isinstance(entry, EventType) else None

    def inactive(self, named: Iterable[Reference], before: Iterable[Reference] = ()) -> list[Problem]:
        """Those of the entries that a definition names, and did not name before, that are not active."""
        known = {(kind, code) for _, kind, code in before}
        problems = []
        for pointer, kind, code in named:
            entry = self._entries.get((kind, code))
            if isinstance(entry, EventType | Account) and not entry.active and (kind, code) not in known:
                detail = f"`{code}` is not active: only what names it already goes on with it"
                problems.append(Problem(pointer, detail, "inactive"))
        return problems

    def event_types(self) -> list[EventType]:
        return [entry for entry in self._entries.values() if isinstance(entry, EventType)]

    def segment(self, code: str) -> Segment | None:
        entry = self._entries.get((Segment, code))
        return entry if isinstance(entry, Segment) else None

    def badge(self, code: str) -> Badge | None:
        entry = self._entries.get((Badge, code))
        return entry if isinstance(entry, Badge) else None

    def coupon(self, code: str) -> Coupon | None:
        entry = self._entries.get((Coupon, code))
        return entry if isinstance(entry, Coupon) else None

    def reward(self, code: str) -> Reward | None:
        entry = self._entries.get((Reward, code))
        return entry if isinstance(entry, Reward) else None

    def has_list(self, code: str) -> bool:
        return (MemberList, code) in self._entries

    def phase(self, campaign: UUID, occurrence: int) -> Phase | None:
        """How far its evaluation is; None before it starts. From then on, what comes is late."""
        return self._phases.get((campaign, occurrence))

    def phases(self, campaign: TieredCampaign) -> dict[int, Phase]:
        """How far the evaluations are that have begun, by occurrence."""
        numbers = range(1, len(campaign.windows) + 1)
        return {number: phase for number in numbers if (phase := self.phase(campaign.id, number))}

    def _note_phase(self, occurrence: TieredOccurrence) -> None:
        key = (occurrence.campaign, occurrence.number)
        if occurrence.phase is Phase.EVALUATED and self._phases.get(key) is not Phase.EVALUATED:
            self._evaluated[occurrence.campaign] = self._evaluated.get(occurrence.campaign, 0) + 1
            if self.is_completed(occurrence.campaign):
                self._concerns = None
        self._phases[key] = occurrence.phase

    def evaluated(self, campaign: TieredCampaign) -> bool:
        """Whether every occurrence is paid; with grace periods that differ, the last one may be before others."""
        return 0 < len(campaign.windows) == self._evaluated.get(campaign.id)

    def is_completed(self, campaign_id: UUID) -> bool:
        campaign = self.tiered_campaigns.get(campaign_id)
        return campaign is not None and self.evaluated(campaign)

    def evaluating(self, campaign: TieredCampaign) -> bool:
        return Phase.EVALUATING in self.phases(campaign).values()

    def terms(self, campaign_id: UUID, occurrence: int) -> TieredTerms | None:
        """The terms an occurrence has; None when its campaign is archived, or was cut to fewer occurrences."""
        key = (campaign_id, occurrence)
        if key not in self._occurrences:
            campaign = self.tiered_campaigns[campaign_id]
            there = not campaign.archived and occurrence <= len(campaign.windows)
            self._occurrences[key] = self._terms_of(campaign, campaign.revision_of(occurrence)) if there else None
        return self._occurrences[key]

    def terms_ahead(self, campaign_id: UUID, first: int) -> list[TieredTerms]:
        """Those of the revisions that begin with the occurrence `first` or later."""
        campaign = self.tiered_campaigns[campaign_id]
        return [self._terms_of(campaign, revision) for revision in campaign.revisions if revision.first >= first]

    def terms_once_cut(self, campaign_id: UUID, occurrence: int) -> TieredTerms:
        """The terms an occurrence has or, when the campaign was cut to fewer, would have."""
        campaign = self.tiered_campaigns[campaign_id]
        return self._terms_of(campaign, campaign.revision_of(occurrence))

    def outdated(self, contributions: Sequence[Contribution]) -> dict[UUID, int]:
        """The campaigns whose edits have replaced terms that some of these were counted by, each with the first
        occurrence of the terms there are instead.
        """
        found: dict[UUID, int] = {}
        for contribution in contributions:
            campaign = self.tiered_campaigns[contribution.tiered_campaign]
            revision = campaign.revision_of(contribution.occurrence)
            if contribution.revision != revision.number and not campaign.archived:
                found[campaign.id] = min(revision.first, found.get(campaign.id, revision.first))
        return found

    def recount_from(self, campaign: TieredCampaign) -> int | None:
        """The first occurrence of those whose facts edits have yet to count again; None when that is done."""
        done = self._recounted.get(campaign.id, 1)
        if campaign.archived or not campaign.windows or campaign.revision.number <= done:
            return None
        return next(revision.first for revision in campaign.revisions if revision.number > done)

    def concerns(self, entity: FactKind, event_type: str | None) -> Concerns:
        """The terms that facts of one entity and event type concern: of campaigns that are or have been active."""
        if self._concerns is None:
            self._concerns = self._grouped()
        return self._concerns.get((entity, event_type), NO_CONCERNS)

    def achievement_terms(self, achievement: UUID) -> AchievementTerms:
        """The current terms of one that is there, also when it is not active."""
        terms = self._achievement_terms.get(achievement)
        if terms is None:
            terms = self._achievement_terms[achievement] = compiled_terms(self, self.achievements[achievement])
        return terms

    def goals(self, entity: FactKind, event_type: str | None) -> Goals:
        """The rules that facts of one entity and event type concern: of achievements that are or have been active."""
        if self._goals is None:
            self._goals = self._grouped_goals()
        return self._goals.get((entity, event_type), NO_GOALS)

    def _forget_campaign_terms(self, outdated: Callable[[CampaignTerms], bool]) -> None:
        self._campaign_terms = {key: terms for key, terms in self._campaign_terms.items() if not outdated(terms)}
        self._firing = None

    def campaign_terms(self, campaign: Campaign) -> CampaignTerms:
        """The terms of a campaign that lacks nothing, whether it is active or not."""
        key = (campaign.id, campaign.version)
        terms = self._campaign_terms.get(key)
        if terms is None:
            terms = self._campaign_terms[key] = compiled_campaign_terms(self, campaign)
        return terms

    def campaigns_on(self, achievement: UUID, trigger: CampaignTrigger) -> tuple[CampaignTerms, ...]:
        """The active campaigns that fire on it, in the order in which they are decided."""
        return self._fired().get((achievement, trigger), ())

    def triggers(self) -> frozenset[tuple[UUID, CampaignTrigger]]:
        """What active campaigns fire on."""
        if self._triggers is None:
            self._triggers = fired_on(self.campaigns)
        return self._triggers

    def _fired(self) -> On:
        if self._firing is None:
            self._firing = firing(self.campaigns, self.campaign_terms)
        return self._firing

    def attributes_in_use(self, event_type: str) -> dict[str, AttributeType]:
        """The attributes of an event type that a definition in use reads, with their types."""
        known = self.event_type(event_type)
        if known is None:
            return {}
        names: set[str] = set()
        compiled: list[CompiledExpression | None] = []
        for _, terms in self._tiered_terms():
            if terms.event_type == event_type:
                names |= {terms.attribute or "", terms.date}
                compiled.append(terms.filter)
        for _, goal in self._goals_there():
            if goal.rule.event_type == event_type:
                compiled += (goal.rule.conditions, goal.rule.measured)
        for campaign in self.campaigns.values():
            if campaign.life in (Life.ACTIVE, Life.PAUSED):
                compiled += expressions_over(self, event_type, self.campaign_terms(campaign))
        for expression in compiled:
            if expression:
                names |= {name.removeprefix("event.attributes.") for name in expression.attributes}
        return {name: kind for name, kind in known.attributes.items() if name in names}

    def compile_filter(self, definition: Definition, time_zone: str) -> CompiledExpression | list[Problem] | None:
        """The definition's filter, ready to evaluate; None when there is none."""
        if definition.filter is None:
            return None
        scope = self.scope(definition.entity, definition.event_type, time_zone)
        return compile_described(definition.filter, scope, "/filter")

    def compiled_segment(self, code: str) -> CompiledExpression:
        """A segment that is there, ready to evaluate."""
        compiled = self._segments.get(code)
        if compiled is None:
            segment = self.segment(code)
            assert segment  # noqa: S101  a definition names only segments there are, and none is ever taken away
            found = self.compile_segment(segment.expression)
            assert isinstance(found, CompiledExpression)  # noqa: S101  the expression was compiled when it was saved
            compiled = self._segments[code] = found
        return compiled

    def compile_segment(self, expression: str) -> CompiledExpression | list[ExpressionProblem]:
        return compile_expression(expression, member_scope(self.time_zone), Type.BOOLEAN)

    def scope(self, entity: FactKind | None, event_type: str | None, time_zone: str | None = None) -> Scope:
        """What expressions over facts of this entity and event type may name."""
        if entity is FactKind.EVENT:
            known = self.event_type(event_type or "")
            return event_scope(known or EventType("", ""), time_zone or self.time_zone)
        return transaction_scope(time_zone or self.time_zone)

    def _grouped(self) -> dict[tuple[FactKind, str | None], Concerns]:
        groups: dict[tuple[FactKind, str | None], list[Concern]] = {}
        for campaign, terms in self._tiered_terms():
            if campaign.activated:
                concern = Concern(terms, campaign.active, self.evaluated(campaign))
                groups.setdefault((terms.entity, terms.event_type), []).append(concern)
        return {key: Likely(concerns, _filter, self.scope(*key), _is_told) for key, concerns in groups.items()}

    def _tiered_terms(self) -> Iterator[tuple[TieredCampaign, TieredTerms]]:
        """The terms of all campaigns that are complete and not archived."""
        for campaign in self.tiered_campaigns.values():
            if campaign.windows and not campaign.archived:
                for revision in campaign.revisions:
                    yield campaign, self._terms_of(campaign, revision)

    def _grouped_goals(self) -> dict[tuple[FactKind, str | None], Goals]:
        groups: dict[tuple[FactKind, str | None], list[Goal]] = {}
        for achievement, goal in self._goals_there():
            if achievement.activated:
                groups.setdefault((goal.rule.trigger, goal.rule.event_type), []).append(goal)
        return {key: Likely(goals, conditions_of, self.scope(*key)) for key, goals in groups.items()}

    def _goals_there(self) -> Iterator[tuple[Achievement, Goal]]:
        """The rules of all achievements that are not archived."""
        for achievement in self.achievements.values():
            if achievement.status is not Status.ARCHIVED:
                terms = self.achievement_terms(achievement.id)
                for rule in terms.rules:
                    yield achievement, Goal(terms, rule)

    def _terms_of(self, campaign: TieredCampaign, revision: Revision) -> TieredTerms:
        key = (campaign.id, revision.number)
        terms = self._terms.get(key)
        if terms is None:
            terms = self._terms[key] = self._compiled(campaign, revision)
        return terms

    def _compiled(self, campaign: TieredCampaign, revision: Revision) -> TieredTerms:
        definition = revision.definition
        assert definition.entity  # noqa: S101  a campaign with windows lacks nothing
        assert definition.aggregate  # noqa: S101
        assert definition.hit_type  # noqa: S101
        dates = TRANSACTION_DATES if definition.entity is FactKind.TRANSACTION else EVENT_DATES
        compiled = self.compile_filter(definition, revision.time_zone)
        assert not isinstance(compiled, list)  # noqa: S101  the filter was compiled when it was saved
        later = [other.first for other in campaign.revisions if other.first > revision.first]
        return TieredTerms(
            campaign.id,
            revision.number,
            revision.first,
            min(later, default=len(campaign.windows) + 1) - 1,
            campaign.windows,
            definition.entity,
            definition.event_type,
            definition.aggregate.attribute,
            definition.aggregate.combination or (),
            definition.aggregate.scope,
            definition.date or dates[0],
            frozenset(definition.products),
            compiled,
            {code: self.compiled_segment(code) for code in definition.audience.segments},
            definition.audience.lists,
            definition.account,
            TierTable(
                definition.hit_type,
                definition.bracketed,
                definition.unlimited,
                definition.tiers,
                revision.decimals,
                definition.rounding,
            ),
            definition.confirmation,
            definition.late,
        )
