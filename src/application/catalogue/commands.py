"""Commands over the catalogue and over members: check what they refer to, ask the domain, record the answer."""

from collections.abc import Sequence

from application.definitions.catalogue import Catalogue
from application.log.working import Working
from application.service.preconditions import Precondition
from application.streams import PRODUCT, STOCK, entry_at
from domain.campaigns.scope import campaign_scope
from domain.catalogue.coupon import coupon_problems, reward_problems
from domain.catalogue.entries import (
    Account,
    Badge,
    Coupon,
    Entry,
    EntryPut,
    EventType,
    MemberList,
    Reward,
    Segment,
)
from domain.catalogue.product import Product
from domain.catalogue.product import Put as ProductPut
from domain.expressions import CompiledExpression, ExpressionProblem, Type, compile_expression
from domain.values.problems import Invalid, Problem

DEFAULT_ACCOUNT = Account("points", "Points")
MOST_DECIMALS = 6


def put_entry(working: Working, entry: Entry, precondition: Precondition) -> tuple[Entry, int]:
    """Makes or replaces an entry; its new version comes with it. Putting what is there already records nothing."""
    stream = entry_at(type(entry), entry.code)
    current = working.state(stream)
    version = working.version(stream)
    precondition.check(version or None)
    if current == entry:
        return entry, version
    if problems := _entry_problems(working, entry, current):
        raise Invalid(problems)
    working.record(stream, EntryPut(entry))
    return entry, version + 1


def ensure_default_account(working: Working) -> None:
    stream = entry_at(Account, DEFAULT_ACCOUNT.code)
    if working.state(stream) is None:
        working.record(stream, EntryPut(DEFAULT_ACCOUNT))


def _entry_problems(working: Working, entry: Entry, current: Entry | None) -> list[Problem]:
    catalogue: Catalogue = working.catalogue
    match entry:
        case Account():
            return _account_problems(entry, current)
        case EventType():
            return _event_type_problems(catalogue, entry)
        case Segment():
            compiled = catalogue.compile_segment(entry.expression)
            return [found.at("/expression") for found in compiled] if isinstance(compiled, list) else []
        case Coupon():
            stock = working.state(STOCK.at("coupon", entry.code))
            before = current if isinstance(current, Coupon) else None
            return coupon_problems(entry, stock, before) + _value_problems(entry, catalogue)
        case Reward():
            return reward_problems(entry)
        case MemberList() | Badge():
            return []


def _account_problems(account: Account, current: Entry | None) -> list[Problem]:
    if not 0 <= account.decimals <= MOST_DECIMALS:
        return [Problem("/decimals", f"must be 0 to {MOST_DECIMALS}")]
    if isinstance(current, Account) and current.decimals != account.decimals:
        return [Problem("/decimals", f"can't change: balances are written in {current.decimals}", "unchangeable")]
    return []


def _event_type_problems(catalogue: Catalogue, event_type: EventType) -> list[Problem]:
    """An attribute that a definition reads can't be taken away or become another type."""
    problems = []
    for name, kind in catalogue.attributes_in_use(event_type.code).items():
        if event_type.attributes.get(name) is not kind:
            detail = f"must stay a {kind}: a definition that is in use reads it"
            problems.append(Problem(f"/attributes/{name}", detail, "in_use"))
    return problems


def _value_problems(coupon: Coupon, catalogue: Catalogue) -> list[Problem]:
    if coupon.value is None:
        return []
    compiled = compile_value(coupon.value, catalogue.event_types(), catalogue.time_zone)
    if isinstance(compiled, list):
        return [found.at("/value") for found in compiled]
    if not compiled.attributes and compiled.evaluate(None) < 0:
        return [Problem("/value", "must be 0 or more", "negative")]
    return []


def put_product(working: Working, product: Product, precondition: Precondition) -> tuple[Product, int]:
    stream = PRODUCT.at(product.sku)
    version = working.version(stream)
    precondition.check(version or None)
    if working.state(stream) == product:
        return product, version
    working.record(stream, ProductPut(product))
    return product, version + 1


def compile_value(
    value: str, event_types: Sequence[EventType], time_zone: str
) -> CompiledExpression | list[ExpressionProblem]:
    """What a coupon is worth, to be evaluated over an `Occasion` with a transaction or an event of one of the types."""
    return compile_expression(value, campaign_scope(event_types, time_zone, with_transaction=True), Type.NUMBER)
