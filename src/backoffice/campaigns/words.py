"""A campaign's definition in words, for people who did not write it."""

from collections.abc import Mapping

from backoffice.achievements.words import at_most, per
from backoffice.frame.conditions import listed
from backoffice.frame.figures import counted, figure
from domain.campaigns.definition import (
    CampaignTrigger,
    CampaignType,
    Definition,
    Effect,
    EffectKind,
    Limits,
    OnExhausted,
    People,
    Recipient,
)
from domain.catalogue.entries import Account
from domain.expressions.values import plain_number
from domain.values.amounts import ONE

_GIVEN = {EffectKind.ISSUE_COUPON: "a code of coupon", EffectKind.GIVE_REWARD: "reward", EffectKind.GIVE_BADGE: "badge"}


def trigger(asked: CampaignTrigger) -> str:
    """What happens to the achievement."""
    return "is completed" if asked is CampaignTrigger.ACHIEVEMENT_COMPLETED else "progresses"


def people(asked: People) -> str:
    if asked.everyone:
        return "everyone"
    groups = [f"segment {code}" for code in asked.segments] + [f"tier {tier}" for tier in asked.tiers]
    return f"members of {listed(groups, 'or')}" if groups else "nobody"


def effect(asked: Effect, type_: CampaignType, accounts: Mapping[str, Account]) -> str:
    """What is given: `100 points`, `2 * transaction.total in EUR to their referrer`."""
    to = ""
    if type_ is CampaignType.REFERRAL:
        to = " to their referrer" if asked.to is Recipient.REFERRER else " to the member"
    if asked.kind is not EffectKind.GIVE_UNITS:
        return f"{_GIVEN[asked.kind]} {asked.coupon or asked.reward or asked.badge}{to}"
    account = accounts.get(asked.account or "")
    unit = account.unit if account else asked.account
    number = plain_number((asked.units or "").strip())
    return f"{asked.units} in {unit}{to}" if number is None else f"{figure(number)} {unit}{to}"


def limits(asked: Limits) -> list[tuple[str, str]]:
    """The limits there are, each by its name."""
    found = []
    for recipient in Recipient:
        if executions := asked.executions(recipient):
            once = executions.value == ONE and executions.interval is None
            found.append((f"Each {recipient}", "once" if once else at_most(executions)))
        if units := asked.units(recipient):
            found.append((f"Units a {recipient}", at_most(units)))
    if asked.total_units:
        budget = asked.total_units
        found.append(("Budget", f"{counted(budget.value, 'unit')} {per(budget.interval)}"))
    if asked.member_units or asked.referrer_units or asked.total_units:
        clamps = asked.on_exhausted is OnExhausted.CLAMP
        found.append(("When less is left", "what is left is given" if clamps else "nothing is given"))
    return found


def summary(definition: Definition, accounts: Mapping[str, Account]) -> str:
    """What is given by all rules, in short."""
    given = [
        effect(each, definition.type, accounts) + (" if its conditions hold" if rule.conditions else "")
        for rule in definition.rules
        for each in rule.effects
    ]
    return listed(given, "and") or "nothing yet"
