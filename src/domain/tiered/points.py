"""Points by tier: what an aggregate earns, exactly, with the lines that explain it.

With tiers `1..n`, `v` the aggregate, `to_0 = from_1`, `to_n` infinite when unlimited and `x = min(v, to_n)`:

| type       | bracketed off                                         | bracketed on                                    |
| ---------- | ----------------------------------------------------- | ----------------------------------------------- |
| amount     | `x * r_k`, `k` the first tier with `x <= to_k`        | sum of `max(0, min(x, to_i) - to_(i-1)) * r_i`  |
| percentage | the same `/ 100`                                      | the same `/ 100`                                |
| hit limit  | `r_m`, `m` the highest tier with `v >= to_m`, else 0  | sum of `r_i` over all tiers with `v >= to_i`    |

The last tier of an unlimited hit limit is hit when `v >= from_n`. Below `from_1` the result is 0. The rows' own
`from` beyond the first place no fact: 50.5 lies in the second of 0-50, 51-100.
"""

from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from msgspec import Struct

from domain.values.amounts import EXACT, ONE, ZERO, Rounding, fault, rounded, written
from domain.values.problems import Problem

MOST_TIERS = 50


class HitType(StrEnum):
    """What a tier pays for: each unit of the aggregate, having completed the tier, or hundredths of each unit."""

    AMOUNT = "amount"
    HIT_LIMIT = "hit_limit"
    PERCENTAGE = "percentage"


class Tier(Struct, frozen=True, gc=False, kw_only=True, rename={"start": "from"}):
    """One row. `to` is absent in the last row of an unlimited table and nowhere else."""

    start: Decimal
    to: Decimal | None = None
    reward: Decimal


class TierTable(Struct, frozen=True, gc=False):
    """Rows that `check_tiers` found no fault with, and how to read them; `decimals` (0-6) are the account's."""

    hit_type: HitType
    bracketed: bool
    unlimited: bool
    tiers: tuple[Tier, ...]
    decimals: int
    rounding: Rounding


class TierShare(Struct, frozen=True, gc=False):
    """What one tier (numbered from 1) gave, unrounded: `points` is `basis * rate`, for percentages `/ 100`.

    `basis` is the part of the aggregate the tier pays for; for a hit limit it is 1, the hit.
    """

    tier: int
    basis: Decimal
    rate: Decimal
    points: Decimal


class Points(Struct, frozen=True, gc=False):
    """`total` is `unrounded` rounded once to the account's decimals; `lines` add up to `unrounded`.

    There is a line for each tier with something to pay for (`basis` above zero), even at a rate of zero.
    """

    total: Decimal
    lines: tuple[TierShare, ...]
    unrounded: Decimal


def points(table: TierTable, aggregate: Decimal) -> Points:
    lines = tuple(
        TierShare(number, basis, rate, _paid(table, EXACT.multiply(basis, rate)))
        for number, basis, rate in _bases(table, aggregate)
    )
    unrounded = ZERO
    for line in lines:
        unrounded = EXACT.add(unrounded, line.points)
    return Points(rounded(unrounded, table.decimals, table.rounding), lines, unrounded)


def total_points(table: TierTable, aggregate: Decimal) -> Decimal:
    """`points(table, aggregate).total` without its lines, for each fact needs no more."""
    unrounded = ZERO
    for _, basis, rate in _bases(table, aggregate):
        unrounded = EXACT.fma(basis, rate, unrounded)
    return rounded(_paid(table, unrounded), table.decimals, table.rounding)


def tier_reached(table: TierTable, aggregate: Decimal) -> int | None:
    """The tier an aggregate has got to, from 1: the highest hit one, or the one whose rate its last unit has."""
    if aggregate < table.tiers[0].start:
        return None
    if table.hit_type is HitType.HIT_LIMIT:
        return _hits(table, aggregate) or None
    return _tier_of(table, aggregate)


def next_tier(table: TierTable, aggregate: Decimal, step: Decimal) -> tuple[int, Decimal] | None:
    """The tier that comes after `tier_reached`, and the least more that pays it; None at the last.

    The aggregate moves by `step`, a power of ten, or by the last decimal that it has itself, where that is less.
    """
    reached = tier_reached(table, aggregate) or 0
    if reached == len(table.tiers):
        return None
    step = min(step, _last_decimal((aggregate,)))
    away = EXACT.subtract(_edge(table, reached), aggregate)
    if _is_passed(table, reached):
        missing = EXACT.add(away.quantize(step, ROUND_FLOOR, EXACT), step)
    else:
        missing = away.quantize(step, ROUND_CEILING, EXACT)
    number = tier_reached(table, EXACT.add(aggregate, missing))
    assert number  # noqa: S101  the edge of a tier is reached
    return number, missing


def tiers_paid(table: TierTable, step: Decimal) -> frozenset[int]:
    """The tiers that some aggregate is paid by, as it moves by `step`."""
    if table.bracketed:
        return frozenset(range(1, len(table.tiers) + 1))
    found: set[int] = set()
    below = EXACT.subtract(table.tiers[0].start.quantize(step, ROUND_FLOOR, EXACT), step)
    following = next_tier(table, below, step)
    while following:
        number, missing = following
        found.add(number)
        below = EXACT.add(below, missing)
        following = next_tier(table, below, step)
    return frozenset(found)


def _edge(table: TierTable, reached: int) -> Decimal:
    """Where the tier after the one that was reached begins to pay."""
    if table.hit_type is HitType.HIT_LIMIT:
        return _hit_at(table.tiers[reached])
    end = table.tiers[reached - 1].to if reached else None
    return table.tiers[0].start if end is None else end


def _is_passed(table: TierTable, reached: int) -> bool:
    """Whether that edge itself pays nothing of the tier: a limit is hit, and units from a start above 0 on count."""
    if table.hit_type is HitType.HIT_LIMIT:
        return False
    return bool(reached) or table.bracketed or not table.tiers[0].start


def _paid(table: TierTable, product: Decimal) -> Decimal:
    return EXACT.scaleb(product, -2) if table.hit_type is HitType.PERCENTAGE else product


def _bases(table: TierTable, aggregate: Decimal) -> list[tuple[int, Decimal, Decimal]]:
    """Each tier with something to pay for: its number, how much that is (above zero), and its rate."""
    if aggregate < table.tiers[0].start:
        return []
    if table.hit_type is HitType.HIT_LIMIT:
        hits = _hits(table, aggregate)
        first = 1 if table.bracketed else max(hits, 1)
        return [(number, ONE, table.tiers[number - 1].reward) for number in range(first, hits + 1)]
    return _shares(table.tiers, aggregate) if table.bracketed else _whole(table, aggregate)


def _whole(table: TierTable, aggregate: Decimal) -> list[tuple[int, Decimal, Decimal]]:
    last = table.tiers[-1].to
    basis = aggregate if last is None or aggregate < last else last
    number = _tier_of(table, aggregate)
    return [(number, basis, table.tiers[number - 1].reward)] if basis > 0 else []


def _shares(tiers: tuple[Tier, ...], aggregate: Decimal) -> list[tuple[int, Decimal, Decimal]]:
    shares = []
    floor = tiers[0].start
    for number, tier in enumerate(tiers, 1):
        if aggregate <= floor:
            break
        ceiling = aggregate if tier.to is None or aggregate < tier.to else tier.to
        shares.append((number, EXACT.subtract(ceiling, floor), tier.reward))
        floor = ceiling
    return shares


def _tier_of(table: TierTable, aggregate: Decimal) -> int:
    """The first tier that ends at or above the aggregate; the last for one above them all."""
    for number, tier in enumerate(table.tiers, 1):
        if tier.to is None or aggregate <= tier.to:
            return number
    return len(table.tiers)


def _hits(table: TierTable, aggregate: Decimal) -> int:
    """How many tiers are hit: always the first ones, for rows are ordered."""
    for number, tier in enumerate(table.tiers):
        if aggregate < _hit_at(tier):
            return number
    return len(table.tiers)


def _hit_at(tier: Tier) -> Decimal:
    return tier.start if tier.to is None else tier.to


def check_tiers(tiers: Sequence[Tier], *, unlimited: bool, pointer: str = "/tiers") -> list[Problem]:
    """What keeps the rows from being a table, at `{pointer}/{row from 0}/{field}`; empty when nothing does."""
    if not 1 <= len(tiers) <= MOST_TIERS:
        return [Problem(pointer, f"must have 1 to {MOST_TIERS} rows, not {len(tiers)}")]
    # Not-a-number can't be compared, so order is looked at only once every figure is one.
    if unreadable := [problem for row, tier in enumerate(tiers) for problem in _unreadable(tier, f"{pointer}/{row}")]:
        return unreadable
    step = smallest_step(tiers)
    problems: list[Problem] = []
    for row, tier in enumerate(tiers):
        at = f"{pointer}/{row}"
        before = tiers[row - 1].to if row else None
        problems += _check_start(tier, before, step, at)
        problems += _check_end(tier, before, at, last=row == len(tiers) - 1, unlimited=unlimited)
        if tier.reward < 0:
            problems.append(Problem(f"{at}/reward", "must be at least 0"))
    return problems


def _unreadable(tier: Tier, at: str) -> Iterator[Problem]:
    for name, amount in (("from", tier.start), ("to", tier.to), ("reward", tier.reward)):
        if amount is not None and (detail := fault(amount)):
            yield Problem(f"{at}/{name}", detail)


def smallest_step(tiers: Sequence[Tier]) -> Decimal:
    """One unit of the last decimal that any `from` or `to` uses."""
    return _last_decimal([edge for tier in tiers for edge in (tier.start, tier.to) if edge is not None])


def _last_decimal(amounts: Sequence[Decimal]) -> Decimal:
    """One unit of the last decimal that any of the amounts uses, at most 1; trailing zeros don't use one."""
    exponents = [EXACT.normalize(amount).as_tuple().exponent for amount in amounts]
    return Decimal((0, (1,), min([0, *(exponent for exponent in exponents if isinstance(exponent, int))])))


def _check_start(tier: Tier, before: Decimal | None, step: Decimal, at: str) -> Iterator[Problem]:
    if tier.start < 0:
        yield Problem(f"{at}/from", "must be at least 0")
    if before is None:
        return
    allowed = sorted({before, EXACT.add(before, step), EXACT.add(before, ONE)})
    if tier.start in allowed:
        return
    fault_found = "overlaps the row before" if tier.start < before else "leaves a hole after the row before"
    choices = " or ".join(written(start) for start in allowed)
    yield Problem(f"{at}/from", f"{fault_found}, which ends at {written(before)}: must be {choices}")


def _check_end(tier: Tier, before: Decimal | None, at: str, *, last: bool, unlimited: bool) -> Iterator[Problem]:
    """A row covers what is above the previous `to` (the first: its own `from`) up to its `to`.

    So 51-51 after 0-50 covers one step and stands; 50-50 after 0-50, or as the first row, would cover nothing.
    """
    if tier.to is None:
        if not last:
            yield Problem(f"{at}/to", "must be given: only the last row may be without, and only when unlimited")
        elif not unlimited:
            yield Problem(f"{at}/to", "must be given: only an unlimited table's last row is without")
    elif last and unlimited:
        yield Problem(f"{at}/to", "must be absent: the last row of an unlimited table has no end")
    elif tier.to < tier.start:
        yield Problem(f"{at}/to", f"must be more than `from`, which is {written(tier.start)}")
    elif tier.to == tier.start and (before is None or tier.start <= before):
        yield Problem(f"{at}/to", f"must be more than `from`, which is {written(tier.start)}: the row would be empty")
