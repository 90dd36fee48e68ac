from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from domain.campaigns.definition import CampaignTrigger, CampaignType, Limits
from domain.campaigns.terms import CampaignTerms, PeopleTerms, includes
from domain.expressions import CompiledExpression, ExpressionFailure, Type, compile_expression
from domain.facts.scope import member_scope
from domain.members.member import Member

GOLD = Member("M-1", "gold", {"city": "Paris", "age": "35"})
NOBODY = PeopleTerms(everyone=False, segments={}, tiers=())
EVERYONE = PeopleTerms(everyone=True, segments={}, tiers=())


def segment(expression: str) -> CompiledExpression:
    compiled = compile_expression(expression, member_scope("UTC"), Type.BOOLEAN)
    assert isinstance(compiled, CompiledExpression)
    return compiled


PARIS = segment('member.attributes.city == "Paris"')
ROME = segment('member.attributes.city == "Rome"')
FAILING = segment("1 / (35 - member.attributes.age) > 0")


def people(*tiers: str, **segments: CompiledExpression) -> PeopleTerms:
    return PeopleTerms(everyone=False, segments=segments, tiers=tiers)


def terms(**fields: Any) -> CampaignTerms:
    defaults: dict[str, Any] = {
        "campaign": UUID(int=1),
        "revision": 1,
        "type": CampaignType.DIRECT,
        "trigger": CampaignTrigger.ACHIEVEMENT_COMPLETED,
        "achievement": UUID(int=2),
        "starts_at": datetime(2026, 6, 1, tzinfo=UTC),
        "ends_at": datetime(2026, 9, 1, tzinfo=UTC),
        "zone": ZoneInfo("UTC"),
        "audience": NOBODY,
        "rules": (),
        "limits": Limits(),
    }
    return CampaignTerms(**(defaults | fields))


@pytest.mark.parametrize(
    ("among", "held_by"),
    [
        (EVERYONE, set()),
        (people("silver", "gold"), {"tier:gold"}),
        (people(rome=ROME, paris=PARIS), {"segment:paris"}),
        (people("gold", paris=PARIS), {"tier:gold"}),
        (people(failing=FAILING, paris=PARIS), {"segment:paris"}),
        (people("gold", failing=FAILING), {"tier:gold"}),
    ],
)
def test_any_segment_or_tier_holds_a_member(among: PeopleTerms, held_by: set[str]) -> None:
    memberships: set[str] = set()
    assert includes(among, GOLD, memberships)
    assert memberships == held_by


@pytest.mark.parametrize("among", [NOBODY, people("silver"), people("silver", rome=ROME)])
def test_who_is_in_none_is_not_among_them(among: PeopleTerms) -> None:
    memberships: set[str] = set()
    assert not includes(among, GOLD, memberships)
    assert memberships == set()


def test_a_member_without_a_tier_is_of_none() -> None:
    assert not includes(people("None", "gold"), Member("M-2"), set())


def test_a_segment_that_fails_where_nothing_else_holds_is_told() -> None:
    with pytest.raises(ExpressionFailure, match="zero"):
        includes(people("silver", failing=FAILING, rome=ROME), GOLD, set())


def test_the_start_is_inside_and_the_end_is_outside() -> None:
    dated = terms()
    assert dated.runs_at(datetime(2026, 6, 1, tzinfo=UTC))
    assert not dated.runs_at(datetime(2026, 5, 31, 23, 59, 59, 999999, tzinfo=UTC))
    assert dated.runs_at(datetime(2026, 8, 31, 23, 59, 59, 999999, tzinfo=UTC))
    assert not dated.runs_at(datetime(2026, 9, 1, tzinfo=UTC))
    assert terms(ends_at=None).runs_at(datetime(2100, 1, 1, tzinfo=UTC))
