"""What rows are about: each is decoded as the body that the API takes, and becomes the same command."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from application.achievements import manual_progress
from application.achievements.bodies import Completed, ManualReason, RuleNumber, Written
from application.achievements.manual_progress import ProgressRequest, RuleSetting
from application.bodies.base import Attributes
from application.bodies.exact import (
    Amount,
    Body,
    Code,
    Identifier,
    Malformed,
    Misread,
    convert,
    decode,
    read_instant,
    untyped,
)
from application.bodies.remainder import remainder_of
from application.catalogue import commands as definitions
from application.catalogue.bodies import CouponCode, ProductBody
from application.catalogue.coupons import add_codes
from application.definitions.catalogue import Catalogue
from application.facts.bodies import EventBody, Fact, FactBody, TransactionBody
from application.facts.commands import command_of
from application.facts.ingest import Rules
from application.imports.rows import Row
from application.log.streams import Stream
from application.log.working import Command, Working
from application.members.bodies import MemberBody
from application.members.commands import change_list, put_member
from application.service.idempotency import first_time
from application.service.preconditions import Precondition
from application.streams import COUPON_CODE, MEMBER, PRODUCT, REQUEST
from domain.catalogue.coupon import code_fault
from domain.catalogue.product import Product
from domain.service.request import Answered
from domain.values.attributes import AttributeType
from domain.values.problems import Invalid, Problem

T = TypeVar("T")

ATTRIBUTE = "attributes."


class ImportKind(StrEnum):
    FACTS = "facts"
    MEMBERS = "members"
    LIST_MEMBERS = "list_members"
    PRODUCTS = "products"
    COUPON_CODES = "coupon_codes"
    PROGRESS = "progress"


class RowCommand(NamedTuple):
    """A row ready to be decided. `sent` is given for facts; `within` is where the fact is in the row.

    The command answers UNCHANGED when what the row says was recorded before.
    """

    row: Row
    command: Command
    sent: Fact | None = None
    within: str = ""


UNCHANGED = object()


class Reader(ABC):
    """Reads rows of one kind. `columns` are those a CSV may have, `attributes` whether it may have attributes."""

    columns: ClassVar[frozenset[str]]
    attributes: ClassVar[bool] = False

    def check_header(self, columns: list[str]) -> None:
        """Raises Invalid: with a wrong header there is no row to be read."""
        problems = [
            Problem(f"/{column}", f"no such column; there are {', '.join(sorted(self.columns))}", "unknown_field")
            for column in columns
            if column not in self.columns and not (self.attributes and column.startswith(ATTRIBUTE))
        ]
        problems += [
            Problem(f"/{column}", "is there twice") for column in sorted(set(columns)) if columns.count(column) > 1
        ]
        if problems:
            raise Invalid(problems)

    def prepare(self, row: Row) -> RowCommand:
        """Raises Invalid, with problems in their place in the row."""
        if row.problem:
            raise Invalid([row.problem])
        try:
            return self.read(row)
        except Malformed as malformed:
            raise Invalid([malformed.problem()]) from None

    @abstractmethod
    def read(self, row: Row) -> RowCommand:
        """Raises Invalid or Malformed."""


INSTANTS = {
    "transaction": ("purchased_at", "checkout_at", "auto_accept_at", "accepted_at"),
    "update": ("purchased_at", "checkout_at", "auto_accept_at"),
    "event": ("occurred_at", "date", "expires_at"),
}

_FACT_COLUMNS = (
    "fact id member status total currency type reason refund_id amount"
    " purchased_at checkout_at auto_accept_at accepted_at occurred_at date expires_at"
)


class FactReader(Reader):
    """`identity` names the import: a row of it that changes a transaction is carried out once, as are those with an id
    of their own.
    """

    columns = frozenset(_FACT_COLUMNS.split())
    attributes = True

    def __init__(self, catalogue: Catalogue, rules: Rules, identity: str) -> None:
        self._catalogue = catalogue
        self._zone = ZoneInfo(catalogue.time_zone)
        self._rules = rules
        self._identity = identity

    def read(self, row: Row) -> RowCommand:
        try:
            name, fact, command = self._commanded(self._decoded(row), row)
        except Misread as misread:
            return self._read_rest(misread, row)
        if not isinstance(fact, TransactionBody | EventBody):
            command = _once(self._identity, row, command)
        return RowCommand(row, command, fact, f"/{name}")

    def _read_rest(self, misread: Misread[FactBody], row: Row) -> RowCommand:
        """A row of which a part could be read, to be refused for all that is wrong with it."""
        remainder = remainder_of(misread)
        if remainder is None:
            raise misread
        try:
            name, fact, command = self._commanded(remainder.body, row)
        except Invalid as invalid:
            raise remainder.refusal(invalid) from None
        return RowCommand(row, remainder.judging(command, f"/{name}"), fact)

    def _commanded(self, body: FactBody, row: Row) -> tuple[str, Fact, Command]:
        name, fact = body.fact()
        if isinstance(fact, EventBody):
            fact = self._typed(fact, texts=row.cells is not None)
        try:
            return name, fact, command_of(fact, self._rules)
        except Invalid as invalid:
            raise Invalid([problem.under(f"/{name}") for problem in invalid.problems]) from None

    def _decoded(self, row: Row) -> FactBody:
        if row.cells is not None:
            cells = dict(row.cells)
            name = cells.pop("fact", None) or ("event" if "occurred_at" in cells else "transaction")
            body = {name: localized(nested(cells), INSTANTS.get(name, ()), self._zone)}
            return convert(FactBody, body)
        try:
            return decode(FactBody, row.content)
        except Invalid as invalid:
            body = self._localized(row.content)
            if not body:
                raise invalid from None
            return convert(FactBody, body)

    def _localized(self, content: bytes) -> dict[str, Any]:
        """The row with its timestamps put in the program's zone; empty when that can't be done."""
        try:
            body = untyped(content)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(body, dict):
            return {}
        return {
            name: localized(fact, INSTANTS.get(name, ()), self._zone) if isinstance(fact, dict) else fact
            for name, fact in body.items()
        }

    def _typed(self, event: EventBody, *, texts: bool) -> EventBody:
        """Its attributes as their types have them: timestamps with an offset, and from a CSV, `true` as a string."""
        event_type = self._catalogue.event_type(event.type)
        types = event_type.attributes if event_type else {}
        instants = tuple(name for name, kind in types.items() if kind is AttributeType.TIMESTAMP)
        attributes: Attributes = localized(event.attributes, instants, self._zone)
        if texts:
            for name, value in attributes.items():
                if types.get(name) is AttributeType.STRING and isinstance(value, bool):
                    attributes[name] = str(value).lower()
        return replace(event, attributes=attributes)


class MemberRow(MemberBody, frozen=True, kw_only=True):
    """A member as they are from now on, by id."""

    id: Identifier


class MemberReader(Reader):
    columns = frozenset(("id", "tier", "referrer"))
    attributes = True

    def read(self, row: Row) -> RowCommand:
        member = _body(MemberRow, row)
        put = partial(
            put_member,
            member_id=member.id,
            tier=member.tier,
            attributes=member.attributes,
            referrer=member.referrer,
        )
        return RowCommand(row, _changing(MEMBER.at(member.id), put))


class ListMemberBody(Body, frozen=True):
    """Who joins or leaves which list; `list` is the import's where it has one."""

    member: Identifier
    list: Code | None = None
    action: Literal["add", "remove"] = "add"


class ListMemberReader(Reader):
    columns = frozenset(("list", "member", "action"))

    def __init__(self, code: str | None) -> None:
        self._code = code

    def read(self, row: Row) -> RowCommand:
        listed = _body(ListMemberBody, row)
        code = listed.list or self._code
        if code is None:
            raise Invalid([Problem("/list", "is required", "required")])
        change = partial(change_list, code=code, member_id=listed.member, joins=listed.action == "add")
        return RowCommand(row, _changing(MEMBER.at(listed.member), change))


class ProductRow(ProductBody, frozen=True, kw_only=True):
    """A product as it is from now on, by sku."""

    sku: Identifier


class ProductReader(Reader):
    columns = frozenset(("sku", "name", "category", "brand", "price"))

    def read(self, row: Row) -> RowCommand:
        body = _body(ProductRow, row)
        product = body.product(body.sku)
        return RowCommand(row, _changing(PRODUCT.at(body.sku), partial(_put_product, product=product)))


def _put_product(working: Working, product: Product) -> None:
    there = working.version(PRODUCT.at(product.sku)) > 0
    definitions.put_product(working, product, Precondition(exists=there))


class CouponCodeBody(Body, frozen=True):
    """A code for the pool of a coupon."""

    coupon: Code
    code: CouponCode


class CouponCodeReader(Reader):
    columns = frozenset(("coupon", "code"))

    def read(self, row: Row) -> RowCommand:
        body = _body(CouponCodeBody, row)
        if fault := code_fault(body.code):
            raise Invalid([Problem("/code", fault)])
        add = partial(add_codes, coupon=body.coupon, codes=(body.code,))
        return RowCommand(row, _changing(COUPON_CODE.at(body.coupon, body.code), add))


class ProgressRow(Body, frozen=True, kw_only=True):
    """Progress changed as by hand: the completed count, or what a rule counts in the period of `at`, or both."""

    member: Identifier
    achievement: UUID
    completed: Completed | None = None
    rule: RuleNumber | None = None
    value: Amount | None = None
    at: Written | None = None
    reason: ManualReason = "import"


class ProgressReader(Reader):
    """A row is carried out once for one `identity`: what a value completes, it must not complete again."""

    columns = frozenset(("member", "achievement", "completed", "rule", "value", "at", "reason"))

    def __init__(self, zone: ZoneInfo, identity: str) -> None:
        self._zone = zone
        self._identity = identity

    def read(self, row: Row) -> RowCommand:
        body = _body(ProgressRow, row) if row.cells is None else convert(ProgressRow, _numbered(row.cells))
        change = partial(
            _change_progress,
            member_id=body.member,
            achievement_id=body.achievement,
            wanted=ProgressRequest(body.reason, body.completed, self._settings(body)),
        )
        return RowCommand(row, _once(self._identity, row, change))

    def _settings(self, body: ProgressRow) -> tuple[RuleSetting, ...]:
        if body.rule is None or body.value is None:
            given = {"rule": body.rule, "value": body.value}
            if any(value is not None for value in (*given.values(), body.at)):
                lacking = [name for name, value in given.items() if value is None]
                raise Invalid([Problem(f"/{name}", "is required to set what a rule counts") for name in lacking])
            return ()
        return (RuleSetting(body.rule, body.value, self._instant(body.at) if body.at else None),)

    def _instant(self, written: str) -> datetime:
        try:
            return read_instant(localized({"at": written}, ("at",), self._zone)["at"])
        except ValueError as error:
            raise Invalid([Problem("/at", str(error))]) from None


def _numbered(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells with those that are to be whole numbers as such."""
    return {
        column: int(cell) if column in ("completed", "rule") and _WHOLE.fullmatch(cell) else cell
        for column, cell in cells.items()
    }


_WHOLE = re.compile(r"[0-9]{1,12}", re.ASCII)


def _change_progress(working: Working, member_id: str, achievement_id: UUID, wanted: ProgressRequest) -> object:
    try:
        changed = manual_progress.change(working, member_id, achievement_id, wanted)
    except Invalid as invalid:
        placed = [replace(problem, pointer=problem.pointer.removeprefix("/rules/0")) for problem in invalid.problems]
        raise Invalid(placed) from None
    return changed if changed.recorded else UNCHANGED


def reader_of(
    kind: ImportKind, catalogue: Catalogue, rules: Rules, identity: str, list_code: str | None = None
) -> Reader:
    match kind:
        case ImportKind.FACTS:
            return FactReader(catalogue, rules, identity)
        case ImportKind.MEMBERS:
            return MemberReader()
        case ImportKind.LIST_MEMBERS:
            return ListMemberReader(list_code)
        case ImportKind.PRODUCTS:
            return ProductReader()
        case ImportKind.PROGRESS:
            return ProgressReader(ZoneInfo(catalogue.time_zone), identity)
        case ImportKind.COUPON_CODES:
            return CouponCodeReader()


def _once(identity: str, row: Row, command: Command) -> Command:
    """The command, carried out once for the row of an import."""
    stream = REQUEST.at("import", identity, row.number)
    return first_time(stream, command, lambda _: Answered(b"", 0, b""), lambda _: UNCHANGED)


def _changing(stream: Stream[Any, Any], command: Command) -> Command:
    def decide(working: Working) -> object:
        before = working.version(stream)
        answer = command(working)
        return UNCHANGED if working.version(stream) == before else answer

    return decide


def _body(kind: type[T], row: Row) -> T:
    return decode(kind, row.content) if row.cells is None else convert(kind, nested(row.cells))


def nested(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells as the object they stand for."""
    found: dict[str, Any] = {}
    for column, cell in cells.items():
        if column.startswith(ATTRIBUTE):
            value = cell == "true" if cell in ("true", "false") else cell
            found.setdefault("attributes", {})[column.removeprefix(ATTRIBUTE)] = value
        else:
            found[column] = cell
    return found


_NAIVE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?", re.ASCII)


def localized(values: Mapping[str, Any], names: tuple[str, ...], zone: ZoneInfo) -> dict[str, Any]:
    """Values with those of the names that are timestamps without an offset put in the zone; a date is its midnight.

    A wall-clock time that comes twice is the first; one that is skipped is moved forward by what was skipped.
    """
    found = dict(values)
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and _NAIVE.fullmatch(value):
            found[name] = _instant(value, zone)
    return found


def _instant(written: str, zone: ZoneInfo) -> str:
    try:
        return datetime.fromisoformat(written).replace(tzinfo=zone).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return written
