"""Drafts: definitions laid over a simulation's catalogue, as if they were saved and made active.

One whose id is there already is the edit of it: progress is kept or begins again, and occurrences that have started
keep their terms, as they would.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from application.achievements import commands as achievements
from application.achievements.bodies import NewAchievementBody
from application.campaigns import commands as campaigns
from application.campaigns.bodies import NewCampaignBody
from application.log.working import Command, Working
from application.service.preconditions import Precondition
from application.simulation.simulation import Draft
from application.tiered import commands as tiered_campaigns
from application.tiered.bodies import NewTieredCampaignBody
from domain.campaigns.campaign import Life
from domain.values.problems import Invalid, Problem

_AS_IT_IS = Precondition(exists=True)


class _Body(Protocol):
    @property
    def id(self) -> UUID | None: ...


B = TypeVar("B", bound=_Body)


def drafts(field: str, bodies: Sequence[B], command_of: Callable[[B], Command]) -> list[Draft]:
    """Those in a field of what was sent; raises Invalid, with all faults."""
    found: list[Draft] = []
    problems: list[Problem] = []
    ids: set[UUID] = set()
    for number, body in enumerate(bodies):
        at = f"/{field}/{number}"
        if body.id in ids:
            problems.append(Problem(f"{at}/id", "is another draft's already", "repeated"))
        if body.id:
            ids.add(body.id)
        try:
            found.append(Draft(at, command_of(body)))
        except Invalid as invalid:
            problems += [problem.under(at) for problem in invalid.problems]
    if problems:
        raise Invalid(problems)
    return found


def achievement_draft(body: NewAchievementBody) -> Command:
    """Raises Invalid."""
    chosen, definition = body.id or uuid7(), body.definition()

    def decide(working: Working) -> None:
        if chosen in working.catalogue.achievements:
            achievements.revise(working, chosen, definition, _AS_IT_IS, active=True)
        else:
            achievements.define(working, chosen, definition, active=True)

    return decide


def campaign_draft(body: NewCampaignBody) -> Command:
    """Raises Invalid."""
    chosen, definition = body.id or uuid7(), body.definition()

    def decide(working: Working) -> None:
        if chosen in working.catalogue.campaigns:
            campaign = campaigns.revise(working, chosen, definition, _AS_IT_IS)
        else:
            campaign = campaigns.define(working, chosen, definition)
        if campaign.life is not Life.ACTIVE:
            campaigns.activate(working, chosen)

    return decide


def tiered_campaign_draft(body: NewTieredCampaignBody) -> Command:
    """Raises Invalid."""
    chosen, definition = body.id or uuid7(), body.definition()

    def decide(working: Working) -> None:
        if chosen in working.catalogue.tiered_campaigns:
            campaign = tiered_campaigns.revise(working, chosen, definition, _AS_IT_IS)
        else:
            campaign = tiered_campaigns.define(working, chosen, definition)
        if not campaign.active:
            tiered_campaigns.activate(working, chosen)

    return decide
