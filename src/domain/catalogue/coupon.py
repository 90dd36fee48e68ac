"""Coupons: what their codes are made of, how many can still be given, and how long one that was given is good."""

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.catalogue.entries import Coupon, Generator, Reward
from domain.catalogue.stock import NOTHING, Stock
from domain.values.duration import LATEST, Duration, ScheduleOverflowError, advance, parse_duration
from domain.values.problems import Problem

LONGEST_CODE = 100
SHORTEST_GENERATED = 4
LONGEST_GENERATED = 32
SMALLEST_ALPHABET = 2
LARGEST_ALPHABET = 64
LONGEST_PREFIX = 20
FEWEST_POSSIBLE = 10**6
"""With fewer codes someone who tries a few would soon find one that was given."""

MOST_STOCK = 10**9


def possible_codes(generator: Generator) -> int:
    """How many different codes there can be."""
    return int(len(generator.alphabet) ** generator.length)


def generated_code(generator: Generator, random: Callable[[int], int]) -> str:
    """A code at random; `random(n)` answers a whole number from 0 to n - 1, each as likely. It may have come before."""
    alphabet = generator.alphabet
    return generator.prefix + "".join([alphabet[random(len(alphabet))] for _ in range(generator.length)])


def valid_until(coupon: Coupon, given_at: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) from which a coupon given at an instant is good no more; None when it is good for ever."""
    if coupon.valid_for is None:
        return coupon.valid_until
    duration = parse_duration(coupon.valid_for)
    assert isinstance(duration, Duration)  # noqa: S101  it was checked when it was saved
    try:
        ends_at = advance(given_at, duration, 1, zone)
    except ScheduleOverflowError:
        ends_at = LATEST
    return min(ends_at, coupon.valid_until) if coupon.valid_until else ends_at


def left(entry: Coupon | Reward, stock: Stock | None) -> int | None:
    """How many can still be given: what the stock limit and, of a coupon without a generator, the pool of codes allow.

    None where nothing limits it; 0 also where the limit was lowered below what is given already.
    """
    kept = stock or NOTHING
    limits = [] if entry.stock is None else [entry.stock - kept.given]
    if isinstance(entry, Coupon) and entry.generator is None:
        limits.append(kept.supplied - kept.next + 1)
    return max(0, min(limits)) if limits else None


def coupon_problems(coupon: Coupon, stock: Stock | None, current: Coupon | None) -> list[Problem]:
    """What is wrong with a coupon, but for its value; `current` is what it would replace."""
    problems = list(_stock_problems(coupon.stock))
    if coupon.generator:
        problems += _generator_problems(coupon.generator, coupon.stock)
    if current and stock and (coupon.generator is None) is not (current.generator is None):
        came = "a pool of codes" if current.generator is None else "a generator"
        problems.append(Problem("/generator", f"can't change: it has {came}, and codes of it", "unchangeable"))
    if coupon.valid_for is not None and isinstance(found := parse_duration(coupon.valid_for), str):
        problems.append(Problem("/valid_for", found))
    return problems


def reward_problems(reward: Reward) -> list[Problem]:
    return list(_stock_problems(reward.stock))


def code_fault(code: str) -> str | None:
    """What is wrong with a code that comes into a pool."""
    if not 1 <= len(code) <= LONGEST_CODE:
        return f"must have 1 to {LONGEST_CODE} characters"
    if code != code.strip() or not code.isprintable():
        return "must hold no control characters, and no spaces at its ends"
    return None


def _stock_problems(stock: int | None) -> Iterator[Problem]:
    if stock is not None and not 0 <= stock <= MOST_STOCK:
        yield Problem("/stock", f"must be 0 to {MOST_STOCK}")


def _generator_problems(generator: Generator, stock: int | None) -> Iterator[Problem]:
    alphabet, length = generator.alphabet, generator.length
    faulty = list(_alphabet_problems(alphabet))
    yield from faulty
    if not SHORTEST_GENERATED <= length <= LONGEST_GENERATED:
        yield Problem("/generator/length", f"must be {SHORTEST_GENERATED} to {LONGEST_GENERATED}")
    elif not faulty:
        yield from _possible_problems(possible_codes(generator), stock)
    if len(generator.prefix) > LONGEST_PREFIX:
        yield Problem("/generator/prefix", f"must have at most {LONGEST_PREFIX} characters")
    if not _visible(generator.prefix):
        yield Problem("/generator/prefix", "must hold no spaces and no control characters")


def _alphabet_problems(alphabet: str) -> Iterator[Problem]:
    if not SMALLEST_ALPHABET <= len(alphabet) <= LARGEST_ALPHABET:
        yield Problem("/generator/alphabet", f"must have {SMALLEST_ALPHABET} to {LARGEST_ALPHABET} characters")
    elif twice := next((character for character in alphabet if alphabet.count(character) > 1), None):
        yield Problem("/generator/alphabet", f"has {twice!r} more than once; each character is there once")
    if not _visible(alphabet):
        yield Problem("/generator/alphabet", "must hold no spaces and no control characters")


def _possible_problems(possible: int, stock: int | None) -> Iterator[Problem]:
    if possible < FEWEST_POSSIBLE:
        detail = f"makes {possible} different codes; a longer code or a larger alphabet must make {FEWEST_POSSIBLE}"
        yield Problem("/generator", detail, "too_few_codes")
    elif stock is not None and possible < 2 * stock:
        detail = f"makes {possible} different codes; it must make twice as many as the stock of {stock}"
        yield Problem("/generator", detail, "too_few_codes")


def _visible(text: str) -> bool:
    return text.isprintable() and " " not in text
