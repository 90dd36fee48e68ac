"""What marketers fill in for an achievement, and everything that can be wrong with it."""

from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct

from domain.interval import Interval
from domain.terms import Entity
from domain.timeframe import Timeframe


class Subject(StrEnum):
    """Whose progress it is: the acting member's, or that of the acting member's referrer."""

    MEMBER = "member"
    REFERRER = "referrer"


class CountKind(StrEnum):
    OCCURRENCES = "occurrences"
    SUM = "sum"
    DISTINCT = "distinct"
    MATCHING_QUANTITY = "matching_quantity"
    MATCHING_VALUE = "matching_value"


class PeriodKind(StrEnum):
    OVERALL = "overall"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LAST_DAYS = "last_days"


class Text(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What is shown in one locale."""

    name: str | None = None
    description: str | None = None


class Limit(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """At most `value`, for life or per interval."""

    value: Decimal
    interval: Interval | None = None


class Count(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What a fact adds: 1, an `expression`, one for a new value of `attribute`, or pieces or value of matching `items`.

    `items` is a condition over the lines: `item.product`, `item.quantity`, `item.price`, `item.subtotal`,
    `item.attributes.NAME`, and the catalogue's `item.category` and `item.brand`; without it every line matches.
    """

    kind: CountKind
    expression: str | None = None
    attribute: str | None = None
    items: dict[str, Any] | None = None


class Period(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """Over which time a rule counts: `n` (1-366) belongs to `last_days`."""

    kind: PeriodKind = PeriodKind.OVERALL
    n: int | None = None


class Rule(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """One thing to do. `consecutive` periods in a row must each reach the goal; `frequency` bounds counted facts."""

    name: str
    trigger: Entity
    event_type: str | None = None
    subject: Subject = Subject.MEMBER
    unique_referee: bool = False
    conditions: dict[str, Any] | None = None
    count: Count
    goal: Decimal
    period: Period = Period()
    consecutive: int = 1
    frequency: Limit | None = None


class Definition(Struct, frozen=True, gc=False, forbid_unknown_fields=True, kw_only=True):
    """What marketers fill in; all rules must be complete. `limit` bounds the completions of each member."""

    name: str
    description: str = ""
    translations: dict[str, Text] = {}
    timeframe: Timeframe | None = None
    limit: Limit | None = None
    badge: str | None = None
    rules: tuple[Rule, ...]
