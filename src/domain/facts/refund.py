"""What a refund takes back of a purchase, and what it leaves.

Items come back at what they are worth: their value or, where the lines come to more than there is of the total (under
an order-wide discount), their share of it. An amount alone is spread over the lines by their worth: their values fall,
their pieces stay. Whatever is made of attributes that are added up falls in the proportion of what is left of the
total. So nothing that counts stays when the money goes back, however it is cut.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from domain.facts.purchase import Item, Purchase, ReturnedItem
from domain.values.amounts import EXACT, ZERO, kept, written
from domain.values.attributes import Attributes, number_in
from domain.values.money import held
from domain.values.problems import Problem


class PurchaseBalance(Struct, frozen=True, gc=False):
    """What refunds have left of a purchase, whose total was `bought`.

    `stated` has the attributes that a refund gave a new figure, each with what that refund left of the total.
    """

    purchase: Purchase
    bought: Decimal
    stated: tuple[tuple[str, Decimal], ...] = ()


def untouched(purchase: Purchase) -> PurchaseBalance:
    return PurchaseBalance(purchase, purchase.total)


def nothing(left: PurchaseBalance) -> PurchaseBalance:
    return replace(left, purchase=replace(left.purchase, total=ZERO, items=()))


def after(
    left: PurchaseBalance, amount: Decimal, items: Sequence[ReturnedItem], attributes: Attributes
) -> PurchaseBalance:
    """What a refund leaves, of an amount and pieces that are there."""
    purchase = left.purchase
    total = EXACT.subtract(purchase.total, amount)
    lines = purchase.items
    if items:
        lines = _without(purchase, items).lines
    elif amount:
        lines = _fallen(purchase, total)
    stated = dict(left.stated) | dict.fromkeys(attributes, total)
    attributes = {**purchase.attributes, **attributes}
    return PurchaseBalance(
        replace(purchase, total=total, items=lines, attributes=attributes), left.bought, tuple(stated.items())
    )


def worth(left: PurchaseBalance, items: Sequence[ReturnedItem]) -> Decimal:
    """What these items come back at. With the last line of those that come to more than the total, all of it does."""
    purchase = left.purchase
    without = _without(purchase, items)
    lines = _value(purchase.items)
    if lines <= purchase.total:
        return without.taken
    if without.taken == lines:
        return purchase.total
    share = EXACT.divide(EXACT.multiply(without.exact, purchase.total), lines)
    return min(purchase.total, held(share, purchase.currency))


def stated_at(left: PurchaseBalance, attributes: Iterable[str]) -> Decimal:
    """What there was of the total when one of these attributes was last stated."""
    stated = dict(left.stated)
    return min((stated[name] for name in attributes if name in stated), default=left.bought)


def part_left(figure: Decimal, left: PurchaseBalance, since: Decimal) -> Decimal:
    """Of a figure that was stated when there was so much of the total, in the proportion of what is left of that."""
    total = left.purchase.total
    return figure if since == total else kept(EXACT.divide(EXACT.multiply(figure, total), since))


def item_problems(bought: Purchase, left: PurchaseBalance, items: Sequence[ReturnedItem]) -> Iterator[Problem]:
    pieces = dict.fromkeys((item.product for item in bought.items), ZERO)
    for item in left.purchase.items:
        pieces[item.product] = EXACT.add(pieces[item.product], item.quantity)
    for number, line in enumerate(items):
        if line.product not in pieces:
            yield Problem(f"/items/{number}/product", f"the transaction has no item `{line.product}`")
            continue
        there = pieces[line.product]
        pieces[line.product] = EXACT.subtract(there, line.quantity)
        if pieces[line.product] < 0:
            detail = f"is more than is left of this product, which is {written(max(there, ZERO))}"
            yield Problem(f"/items/{number}/quantity", detail, "refund_too_large")


def attribute_problems(left: PurchaseBalance, attributes: Attributes) -> Iterator[Problem]:
    """A refund lowers what it names: a new figure lies between nothing and the one there is."""
    for name, value in attributes.items():
        was, becomes = number_in(left.purchase.attributes.get(name)), number_in(value)
        if was is None:
            yield Problem(f"/attributes/{name}", f"the transaction has no numeric attribute `{name}`")
        elif becomes is None or not min(was, ZERO) <= becomes <= max(was, ZERO):
            least, most = written(min(was, ZERO)), written(max(was, ZERO))
            yield Problem(f"/attributes/{name}", f"must be a number from {least} to {most}")


class _Without(Struct, frozen=True, gc=False):
    """Lines without pieces that come back, and the value that these take with them, before and after it is rounded."""

    lines: tuple[Item, ...]
    exact: Decimal
    taken: Decimal


def _without(purchase: Purchase, items: Sequence[ReturnedItem]) -> _Without:
    """A product's pieces are taken from its first line first; a line without any is there no more."""
    coming: dict[str, Decimal] = {}
    for line in items:
        coming[line.product] = EXACT.add(coming.get(line.product, ZERO), line.quantity)
    lines: list[Item] = []
    exact = taken = ZERO
    for item in purchase.items:
        back = min(coming.get(item.product, ZERO), item.quantity)
        if not back:
            lines.append(item)
            continue
        coming[item.product] = EXACT.subtract(coming[item.product], back)
        share = EXACT.divide(EXACT.multiply(item.value, back), item.quantity)
        exact = EXACT.add(exact, share)
        quantity = EXACT.subtract(item.quantity, back)
        value = min(item.value, held(share, purchase.currency)) if quantity else item.value
        taken = EXACT.add(taken, value)
        if quantity:
            lines.append(replace(_valued(item, EXACT.subtract(item.value, value)), quantity=quantity))
    return _Without(tuple(lines), exact, taken)


def _fallen(purchase: Purchase, total: Decimal) -> tuple[Item, ...]:
    """The lines once only `total` is left. Of what rounding leaves over the last line has as much as it can hold, then
    the one before it.
    """

    def share(value: Decimal) -> Decimal:
        part = EXACT.divide(EXACT.multiply(value, total), purchase.total)
        return min(value, held(part, purchase.currency))

    before = [item.value for item in purchase.items]
    values = [share(value) for value in before]
    over = EXACT.subtract(share(_sum(before)), _sum(values))
    for number in reversed(range(len(values))):
        room = EXACT.subtract(before[number], values[number]) if over > 0 else -values[number]
        moved = min(over, room) if over > 0 else max(over, room)
        values[number] = EXACT.add(values[number], moved)
        over = EXACT.subtract(over, moved)
    return tuple(_valued(item, value) for item, value in zip(purchase.items, values, strict=True))


def _valued(item: Item, value: Decimal) -> Item:
    return replace(item, subtotal=value) if item.has_worth else item


def _value(items: Iterable[Item]) -> Decimal:
    return _sum(item.value for item in items)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
