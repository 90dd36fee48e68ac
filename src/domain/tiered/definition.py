"""What marketers fill in for a tiered campaign, and everything that can be wrong with it."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from msgspec import Struct

from domain.catalogue.entries import MOST_REFERENCES, Account, EventType, Reference
from domain.facts.fact import FactKind
from domain.tiered.points import HitType, Tier, check_tiers, smallest_step
from domain.tiered.schedule import Window, windows
from domain.tiered.terms import CombinationPart, CombinationScope, Confirmation, Late
from domain.values.amounts import ONE, Rounding, fault
from domain.values.attributes import AttributeType
from domain.values.duration import Duration, ScheduleOverflowError, parse_duration
from domain.values.problems import Problem
from domain.values.texts import locale_problems, name_problems
from domain.values.zone import zone_named

MOST_OCCURRENCES = 1000
MOST_PARTS = 50
HUNDREDTH = Decimal("0.01")
"""The least amount of money, as most currencies count it."""

_OF_TRANSACTIONS = re.compile(r"attributes\.\w[\w.-]*")

TRANSACTION_DATES = ("purchased_at", "auto_accept_at", "checkout_at")
EVENT_DATES = ("occurred_at", "date", "expires_at")
"""The first of each is the default."""


class Audience(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Whoever is in any of the segments or on any of the lists; both empty is everyone."""

    segments: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()


class Aggregate(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """Either a numeric `attribute` (`total` and `quantity` among a transaction's) or a product `combination`."""

    attribute: str | None = None
    combination: tuple[CombinationPart, ...] | None = None
    scope: CombinationScope = CombinationScope.OCCURRENCE


class Definition(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What marketers fill in. A draft may lack any of what `missing` names; durations are as `15 minutes`, `1 month`.

    `time_zone` None is the program's; `filter` is a structured condition or an expression.
    """

    name: str
    translations: dict[str, str] = {}
    starts_at: datetime | None = None
    duration: str | None = None
    occurrences: int | None = None
    preview_every: str | None = None
    grace_period: str = "0 days"
    audience: Audience = Audience()
    time_zone: str | None = None
    entity: FactKind | None = None
    event_type: str | None = None
    aggregate: Aggregate | None = None
    date: str | None = None
    hit_type: HitType | None = None
    bracketed: bool = False
    unlimited: bool = False
    tiers: tuple[Tier, ...] = ()
    products: tuple[str, ...] = ()
    filter: dict[str, Any] | None = None
    account: str = "points"
    rounding: Rounding = Rounding.HALF_UP
    confirmation: Confirmation = Confirmation.EVALUATION
    late: Late = Late.IGNORE


def missing(definition: Definition) -> tuple[str, ...]:
    """The required fields that a draft still lacks."""
    required = ["starts_at", "duration", "occurrences", "entity", "aggregate", "hit_type", "tiers"]
    if definition.entity is FactKind.EVENT:
        required.append("event_type")
    return tuple(field for field in required if not getattr(definition, field))


def step_of(definition: Definition) -> Decimal:
    """What the aggregate moves by at least: a set, a hundredth of money, else one, or less where the tiers use less."""
    aggregate = definition.aggregate
    if aggregate and aggregate.combination:
        return ONE
    of_money = aggregate is not None and aggregate.attribute == "total"
    return min(HUNDREDTH if of_money else ONE, smallest_step(definition.tiers))


class Resolution(Struct, frozen=True, gc=False):
    """What a definition's references come to: the zone's name, the account's decimals, the occurrences' instants."""

    time_zone: str
    decimals: int
    windows: tuple[Window, ...]


class References(Protocol):
    """What a definition may refer to, as it is now."""

    def account(self, code: str) -> Account | None: ...
    def event_type(self, code: str) -> EventType | None: ...
    def has_segment(self, code: str) -> bool: ...
    def has_list(self, code: str) -> bool: ...
    def has_product(self, sku: str) -> bool: ...


def resolve(definition: Definition, references: References, program_time_zone: str) -> Resolution | list[Problem]:
    """The definition's references and instants resolved, or everything that is wrong with it.

    The filter is not looked at: that takes the rule language's compiler.
    """
    problems = [*_name_problems(definition), *_rule_problems(definition, references)]
    problems += _size_problems(definition) or _reference_problems(definition, references)
    zone_name = definition.time_zone or program_time_zone
    zone = zone_named(zone_name)
    if zone is None:
        problems.append(Problem("/time_zone", f"no time zone `{zone_name}`; use a name such as Europe/Budapest"))
    durations = _durations(definition, problems)
    account = references.account(definition.account)
    instants: tuple[Window, ...] = ()
    if zone and _has_windows(definition, durations):
        instants = _windows(definition, durations, zone, problems)
    return problems or Resolution(zone_name, account.decimals if account else 0, instants)


def _name_problems(definition: Definition) -> Iterator[Problem]:
    yield from name_problems(definition.name, "/name")
    for locale, text in definition.translations.items():
        yield from name_problems(text, f"/translations/{locale}")
    yield from locale_problems(definition.translations)


def _durations(definition: Definition, problems: list[Problem]) -> dict[str, Duration]:
    """The durations given, by field; what is wrong with the others is added to `problems`."""
    durations = {}
    for field in ("duration", "grace_period", "preview_every"):
        text = getattr(definition, field)
        if text is None:
            continue
        parsed = parse_duration(text, zero=field == "grace_period")
        if isinstance(parsed, str):
            problems.append(Problem(f"/{field}", parsed))
        else:
            durations[field] = parsed
    return durations


def _has_windows(definition: Definition, durations: dict[str, Duration]) -> bool:
    """Whether what they follow from is right, whatever else is wrong. A draft has none."""
    known = "duration" in durations and "grace_period" in durations
    return known and not missing(definition) and 1 <= (definition.occurrences or 0) <= MOST_OCCURRENCES


def _windows(
    definition: Definition, durations: dict[str, Duration], zone: ZoneInfo, problems: list[Problem]
) -> tuple[Window, ...]:
    assert definition.starts_at is not None  # noqa: S101  nothing is missing
    assert definition.occurrences is not None  # noqa: S101
    try:
        return windows(
            definition.starts_at, durations["duration"], durations["grace_period"], definition.occurrences, zone
        )
    except ScheduleOverflowError as overflow:
        problems.append(Problem("/starts_at", f"the occurrences with their grace periods {overflow}"))
        return ()


def _rule_problems(definition: Definition, references: References) -> Iterator[Problem]:
    if definition.occurrences is not None and not 1 <= definition.occurrences <= MOST_OCCURRENCES:
        yield Problem("/occurrences", f"must be 1 to {MOST_OCCURRENCES}")
    if definition.tiers:
        yield from check_tiers(definition.tiers, unlimited=definition.unlimited)
    yield from _aggregate_problems(definition, references)
    yield from _date_problems(definition, references)
    if definition.entity is FactKind.TRANSACTION and definition.event_type is not None:
        yield Problem("/event_type", "must be absent: transactions are counted")
    if definition.entity is FactKind.EVENT and definition.products:
        yield Problem("/products", "must be empty: only transactions have item lines")


def _aggregate_problems(definition: Definition, references: References) -> Iterator[Problem]:
    aggregate = definition.aggregate
    if aggregate is None:
        return
    if (aggregate.attribute is None) == (aggregate.combination is None):
        yield Problem("/aggregate", "must have either an attribute or a combination")
    elif aggregate.combination is not None:
        yield from _combination_problems(definition, aggregate.combination)
    elif definition.entity is FactKind.TRANSACTION:
        name = aggregate.attribute or ""
        if name not in ("total", "quantity") and not _OF_TRANSACTIONS.fullmatch(name):
            yield Problem("/aggregate/attribute", "must be total, quantity, or attributes.NAME of a transaction")
    else:
        event_type = references.event_type(definition.event_type or "")
        numbers = names_of(event_type, AttributeType.NUMBER)
        if event_type and aggregate.attribute not in numbers:
            yield Problem("/aggregate/attribute", f"must be a numeric attribute of the event type: {listed(numbers)}")


def _combination_problems(definition: Definition, combination: tuple[CombinationPart, ...]) -> Iterator[Problem]:
    if definition.entity is FactKind.EVENT:
        yield Problem("/aggregate/combination", "must be absent: only transactions have products")
    if definition.hit_type is HitType.PERCENTAGE:
        yield Problem("/hit_type", "must be amount or hit_limit: sets of products have no percentage")
    if definition.products:
        yield Problem("/products", "must be empty: the combination names the products")
    if not 1 <= len(combination) <= MOST_PARTS:
        yield Problem("/aggregate/combination", f"must name 1 to {MOST_PARTS} products, not {len(combination)}")
        return
    seen = set()
    for number, part in enumerate(combination):
        at = f"/aggregate/combination/{number}"
        if fault(part.quantity) or part.quantity <= 0:
            yield Problem(f"{at}/quantity", "must be more than 0")
        if part.product in seen:
            yield Problem(f"{at}/product", "is named twice")
        seen.add(part.product)


def _date_problems(definition: Definition, references: References) -> Iterator[Problem]:
    if definition.date is None or definition.entity is None:
        return
    if definition.entity is FactKind.EVENT:
        event_type = references.event_type(definition.event_type or "")
        dates = [*EVENT_DATES, *names_of(event_type, AttributeType.TIMESTAMP)]
    else:
        dates = [*TRANSACTION_DATES]
    if definition.date not in dates:
        yield Problem("/date", f"must be one of: {listed(dates)}")


def products_named(definition: Definition) -> list[str]:
    """The skus that its criteria and its combination name, in that order."""
    combination = definition.aggregate.combination if definition.aggregate else None
    return [*definition.products, *(part.product for part in combination or ())]


def references_of(definition: Definition) -> Iterator[Reference]:
    """What it names that may be inactive."""
    yield Reference("/account", Account, definition.account)
    if definition.event_type is not None:
        yield Reference("/event_type", EventType, definition.event_type)


def _size_problems(definition: Definition) -> list[Problem]:
    audience = definition.audience
    named = (
        ("/audience/segments", "segments", audience.segments),
        ("/audience/lists", "lists", audience.lists),
        ("/products", "products", definition.products),
    )
    return [
        Problem(pointer, f"must name at most {MOST_REFERENCES} {what}, not {len(codes)}")
        for pointer, what, codes in named
        if len(codes) > MOST_REFERENCES
    ]


def _reference_problems(definition: Definition, references: References) -> Iterator[Problem]:
    if references.account(definition.account) is None:
        yield Problem("/account", f"no account `{definition.account}`", "unknown")
    if definition.event_type is not None and references.event_type(definition.event_type) is None:
        yield Problem("/event_type", f"no event type `{definition.event_type}`", "unknown")
    for number, code in enumerate(definition.audience.segments):
        if not references.has_segment(code):
            yield Problem(f"/audience/segments/{number}", f"no segment `{code}`", "unknown")
    for number, code in enumerate(definition.audience.lists):
        if not references.has_list(code):
            yield Problem(f"/audience/lists/{number}", f"no list `{code}`", "unknown")
    skus = [(f"/products/{number}", sku) for number, sku in enumerate(definition.products)]
    if definition.aggregate and definition.aggregate.combination:
        skus += [
            (f"/aggregate/combination/{number}/product", part.product)
            for number, part in enumerate(definition.aggregate.combination)
        ]
    for pointer, sku in skus:
        if not references.has_product(sku):
            yield Problem(pointer, f"no product `{sku}` in the catalogue", "unknown")


def names_of(event_type: EventType | None, kind: AttributeType) -> list[str]:
    return [name for name, is_a in event_type.attributes.items() if is_a is kind] if event_type else []


def listed(names: list[str]) -> str:
    return ", ".join(names) or "there is none"
