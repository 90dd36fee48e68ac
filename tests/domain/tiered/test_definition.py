"""Everything that can be wrong with a definition, each at its place."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.facts.fact import FactKind
from domain.tiered.definition import Aggregate, Audience, Resolution, missing, resolve, step_of
from domain.tiered.points import HitType
from domain.tiered.terms import CombinationPart
from tests.domain.references import References
from tests.support.campaigns import definition, tiers

EVENTS: dict[str, Any] = {
    "entity": FactKind.EVENT,
    "event_type": "workout",
    "aggregate": Aggregate(attribute="minutes"),
}
SET = Aggregate(combination=(CombinationPart("SKU-1", Decimal(2)),))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        EVENTS,
        EVENTS | {"date": "planned"},
        {"aggregate": SET},
        {"aggregate": Aggregate(attribute="attributes.nights")},
        {"products": ("SKU-1",), "audience": Audience(("gold",), ("vip",))},
        {"duration": "1 minute", "occurrences": 1000, "grace_period": "0 days"},
        {"time_zone": "Europe/Budapest", "translations": {"de": "Herbst", "pt-BR": "Outono"}},
    ],
)
def test_takes(fields: dict[str, Any]) -> None:
    found = resolve(definition(**fields), References(), "UTC")
    assert isinstance(found, Resolution), found
    assert len(found.windows) == definition(**fields).occurrences


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"name": " "}, ["/name"]),
        ({"name": "x" * 201}, ["/name"]),
        ({"translations": {"de": ""}}, ["/translations/de"]),
        ({"translations": {"??": "x"}}, ["/translations/??"]),
        ({"duration": "0 days"}, ["/duration"]),
        ({"duration": "a while"}, ["/duration"]),
        ({"grace_period": "-1 days"}, ["/grace_period"]),
        ({"preview_every": "0 minutes"}, ["/preview_every"]),
        ({"occurrences": 0}, ["/occurrences"]),
        ({"occurrences": 1001}, ["/occurrences"]),
        ({"time_zone": "Mars/Olympus"}, ["/time_zone"]),
        ({"time_zone": "../../etc/passwd"}, ["/time_zone"]),
        ({"time_zone": "localtime"}, ["/time_zone"]),
        ({"time_zone": "right/Europe/Paris"}, ["/time_zone"]),
        ({"starts_at": datetime(9999, 12, 1, tzinfo=UTC)}, ["/starts_at"]),
        ({"account": "miles"}, ["/account"]),
        ({"event_type": "workout"}, ["/event_type"]),
        ({"entity": FactKind.EVENT, "event_type": "nap", "aggregate": Aggregate("minutes")}, ["/event_type"]),
        (EVENTS | {"aggregate": Aggregate(attribute="planned")}, ["/aggregate/attribute"]),
        (EVENTS | {"products": ("SKU-1",)}, ["/products"]),
        (EVENTS | {"date": "purchased_at"}, ["/date"]),
        (EVENTS | {"aggregate": SET}, ["/aggregate/combination"]),
        ({"date": "occurred_at"}, ["/date"]),
        ({"aggregate": Aggregate(attribute="totl")}, ["/aggregate/attribute"]),
        ({"aggregate": Aggregate(attribute="attributes.")}, ["/aggregate/attribute"]),
        ({"aggregate": Aggregate(attribute="attributes.a b")}, ["/aggregate/attribute"]),
        ({"aggregate": Aggregate()}, ["/aggregate"]),
        ({"aggregate": Aggregate("total", (CombinationPart("SKU-1", Decimal(1)),))}, ["/aggregate"]),
        ({"aggregate": Aggregate(combination=())}, ["/aggregate/combination"]),
        ({"aggregate": SET, "hit_type": HitType.PERCENTAGE}, ["/hit_type"]),
        ({"aggregate": SET, "products": ("SKU-1",)}, ["/products"]),
        (
            {
                "aggregate": Aggregate(
                    combination=(CombinationPart("SKU-1", Decimal(0)), CombinationPart("SKU-1", Decimal(1)))
                )
            },
            ["/aggregate/combination/0/quantity", "/aggregate/combination/1/product"],
        ),
        (
            {"aggregate": Aggregate(combination=(CombinationPart("X", Decimal(1)),))},
            ["/aggregate/combination/0/product"],
        ),
        ({"products": ("SKU-1", "X")}, ["/products/1"]),
        ({"audience": Audience(("tin",), ("nobody",))}, ["/audience/segments/0", "/audience/lists/0"]),
        ({"tiers": tiers(("0", "50", "10"), ("60", "100", "20"))}, ["/tiers/1/from"]),
    ],
)
def test_refuses(fields: dict[str, Any], pointers: list[str]) -> None:
    found = resolve(definition(**fields), References(), "UTC")
    assert isinstance(found, list)
    assert [problem.pointer for problem in found] == pointers


def test_a_draft_may_lack_what_is_required_and_has_no_windows() -> None:
    draft = definition(starts_at=None, tiers=(), aggregate=None)
    assert missing(draft) == ("starts_at", "aggregate", "tiers")
    assert resolve(draft, References(), "UTC") == Resolution("UTC", 0, ())


def test_a_draft_may_have_a_date_before_it_has_what_it_dates() -> None:
    assert isinstance(resolve(definition(entity=None, date="occurred_at"), References(), "UTC"), Resolution)


def test_events_need_their_type() -> None:
    assert missing(definition(entity=FactKind.EVENT)) == ("event_type",)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"audience": Audience(segments=("gold",) * 10_000)}, "/audience/segments"),
        ({"audience": Audience(lists=("vip",) * 1_001)}, "/audience/lists"),
        ({"products": ("SKU-1",) * 1_001}, "/products"),
        ({"aggregate": Aggregate(combination=(CombinationPart("SKU-1", Decimal(1)),) * 51)}, "/aggregate/combination"),
    ],
)
def test_what_it_names_is_bounded(fields: dict[str, Any], pointer: str) -> None:
    found = resolve(definition(**fields), References(), "UTC")
    assert isinstance(found, list)
    assert [problem.pointer for problem in found] == [pointer]
    assert "at most 1000" in found[0].detail or "1 to 50" in found[0].detail


@pytest.mark.parametrize(
    ("aggregate", "rows", "step"),
    [
        (Aggregate(attribute="total"), [("0", "50"), ("51", "100")], "0.01"),
        (Aggregate(attribute="total"), [("0", "50.125"), ("50.125", "100")], "0.001"),
        (Aggregate(attribute="quantity"), [("0", "50"), ("51", "100")], "1"),
        (Aggregate(attribute="attributes.hours"), [("0", "7.50"), ("7.6", "100")], "0.1"),
        (Aggregate(combination=(CombinationPart("A", Decimal("0.5")),)), [("0", "1.5"), ("1.6", "100")], "1"),
        (None, [], "1"),
    ],
)
def test_what_the_aggregate_moves_by_at_least(
    aggregate: Aggregate | None, rows: list[tuple[str, str]], step: str
) -> None:
    table = tiers(*((start, to, "1") for start, to in rows))
    assert step_of(definition(aggregate=aggregate, tiers=table)) == Decimal(step)
