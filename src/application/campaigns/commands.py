"""Commands over campaigns: definition and life."""

from uuid import UUID

from msgspec import json
from msgspec.structs import replace

from application.definitions.catalogue import Catalogue
from application.definitions.rules import compiled_rules
from application.log.streams import Stream
from application.log.working import Working
from application.service.preconditions import Precondition
from application.service.refusals import Conflict, Unknown, check_saved
from application.streams import CAMPAIGN
from domain.achievements.achievement import Status
from domain.campaigns import campaign as campaigns
from domain.campaigns.campaign import ArchivedAchievement, Campaign, Incomplete, WrongStatus
from domain.campaigns.definition import Definition, campaign_problems, references_of
from domain.campaigns.warnings import campaign_warnings
from domain.expressions import condition_from
from domain.values.problems import Invalid, Problem

MOST_WRITTEN_BYTES = 65_536
"""Of all rules of a campaign: bounds what it takes to compile them."""

NO_PRECONDITION = Precondition()


def define(working: Working, campaign_id: UUID, definition: Definition) -> Campaign:
    """Saves a new campaign: a draft."""
    stream = CAMPAIGN.of(campaign_id)
    if working.state_if_known(stream) is not None:
        raise Conflict(f"a campaign {campaign_id} exists already", "exists")
    time_zone = _checked(working.catalogue, definition, None)
    return working.record(stream, campaigns.Defined(campaign_id, 1, definition, time_zone))


def revise(working: Working, campaign_id: UUID, definition: Definition, precondition: Precondition) -> Campaign:
    stream, campaign = _campaign(working, campaign_id)
    precondition.check(campaign.version)
    if definition == campaign.definition:
        return campaign
    time_zone = _checked(working.catalogue, definition, campaign.definition)
    return _record(working, stream, campaign, campaigns.revise(campaign, definition, time_zone))


def activate(working: Working, campaign_id: UUID) -> Campaign:
    stream, campaign = _campaign(working, campaign_id)
    achievement = working.catalogue.achievements.get(campaign.definition.achievement)
    archived = achievement is not None and achievement.status is Status.ARCHIVED
    decided = campaigns.activate(campaign, working.now, archived=archived)
    if decided and isinstance(decided, list):
        check_saved(working.catalogue.inactive(references_of(campaign.definition)))
        _check_rules(working.catalogue, campaign)
    return _record(working, stream, campaign, decided)


def pause(working: Working, campaign_id: UUID) -> Campaign:
    stream, campaign = _campaign(working, campaign_id)
    return _record(working, stream, campaign, campaigns.pause(campaign, working.now))


def delete(working: Working, campaign_id: UUID, precondition: Precondition = NO_PRECONDITION) -> Campaign:
    """Takes a campaign out of everything but its history. Which version was seen need not be said."""
    stream, campaign = _campaign(working, campaign_id)
    if precondition != NO_PRECONDITION:
        precondition.check(campaign.version)
    return _record(working, stream, campaign, campaigns.delete(campaign))


def duplicate(working: Working, campaign_id: UUID, copy_id: UUID) -> Campaign:
    """A new draft like it, also of one that is deleted."""
    _, campaign = _campaign(working, campaign_id)
    stream = CAMPAIGN.of(copy_id)
    working.state_if_known(stream)
    return working.record(stream, campaigns.duplicate(campaign, copy_id))


def warnings(catalogue: Catalogue, definition: Definition) -> list[Problem]:
    """What can't work as meant, by what the definition refers to now."""
    achievement = catalogue.achievements.get(definition.achievement) if definition.achievement else None
    return campaign_warnings(
        definition,
        achievement.definition if achievement else None,
        lambda code: account.decimals if (account := catalogue.account(code)) else 0,
    )


def _campaign(working: Working, campaign_id: UUID) -> tuple[Stream[Campaign, campaigns.Event], Campaign]:
    stream = CAMPAIGN.of(campaign_id)
    campaign = working.state(stream)
    if not isinstance(campaign, Campaign):  # of what shares the ids that callers choose, such as an achievement, too
        raise Unknown(f"no campaign {campaign_id}")
    return stream, campaign


def _checked(catalogue: Catalogue, definition: Definition, before: Definition | None) -> str:
    """The name of the definition's time zone, once everything in it is found right; raises Invalid.

    `before` is what an edit replaces.
    """
    time_zone = definition.time_zone or catalogue.time_zone
    problems = campaign_problems(definition, catalogue, catalogue.time_zone)
    found = {problem.pointer for problem in problems}
    if "/rules" not in found:
        zone = catalogue.time_zone if "/time_zone" in found else time_zone
        written = replace(definition, achievement=None) if "/achievement" in found else definition
        problems += [problem for problem in _written_problems(catalogue, written, zone) if problem.pointer not in found]
    problems += catalogue.inactive(references_of(definition), references_of(before) if before else ())
    if problems:
        raise Invalid(problems)
    return time_zone


def _check_rules(catalogue: Catalogue, campaign: Campaign) -> None:
    """Raises Conflict where the achievement or the catalogue have changed so that the rules fail for everybody."""
    _, problems = compiled_rules(catalogue, campaign.definition, campaign.time_zone)
    if problems:
        first = problems[0]
        raise Conflict(f"{first.pointer} does not fit what it refers to any more: {first.detail}", "rules_outdated")


def _written_problems(catalogue: Catalogue, definition: Definition, time_zone: str) -> list[Problem]:
    """What is wrong with conditions and expressions. What they may name is known once there is an achievement."""
    shapes = [
        condition_from(rule.conditions, f"/rules/{number}/conditions")
        for number, rule in enumerate(definition.rules)
        if rule.conditions is not None
    ]
    if problems := [problem for shape in shapes if isinstance(shape, list) for problem in shape]:
        return problems
    if len(json.encode(definition.rules)) > MOST_WRITTEN_BYTES:
        return [Problem("/rules", f"must together be at most {MOST_WRITTEN_BYTES} bytes of JSON")]
    return compiled_rules(catalogue, definition, time_zone)[1] if definition.achievement else []


def _record(
    working: Working,
    stream: Stream[Campaign, campaigns.Event],
    campaign: Campaign,
    decided: list[campaigns.Event] | list[Problem] | campaigns.Refusal,
) -> Campaign:
    match decided:
        case WrongStatus():
            allowed = " or ".join(decided.allowed)
            raise Conflict(f"the campaign is {decided.status}; it must be {allowed}", "wrong_status")
        case Incomplete():
            raise Conflict(f"the draft lacks: {', '.join(decided.missing)}", "incomplete")
        case ArchivedAchievement():
            raise Conflict("its achievement is archived, and never completed again", "achievement_archived")
    for event in decided:
        if isinstance(event, Problem):
            raise Invalid([found for found in decided if isinstance(found, Problem)])
        campaign = working.record(stream, event)
    return campaign
