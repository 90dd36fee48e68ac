"""Chains of referrers: as long as they like, in whatever order they are made, and never in a circle."""

import asyncio
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.members.commands import MOST_STEPS, put_member
from application.service.refusals import Conflict
from application.streams import MEMBER
from domain.members.member import ReferrerSet
from tests.application.schedule.jobs.program import running
from tests.support.program import Program

LONG = 200
CIRCLES = 40
AROUND = 4


def put(program: Program, member: str, referrer: str) -> None:
    program.do(partial(put_member, member_id=member, tier=None, attributes={}, referrer=referrer))


def older(program: Program, member: str, referrer: str) -> None:
    """As it was put before the origin was kept, and circles refused."""
    program.do(lambda working: working.record(MEMBER.at(member), ReferrerSet(member, referrer)))


def refusal(program: Program, member: str, referrer: str) -> str:
    before = len(program.events)
    with pytest.raises(Conflict) as refused:
        put(program, member, referrer)
    assert len(program.events) == before
    return refused.value.code


@pytest.mark.parametrize("length", [2, 3, LONG])
def test_a_circle_is_refused_however_long(length: int) -> None:
    program = Program()
    for number in range(1, length):
        put(program, f"M-{number}", f"M-{number - 1}")
    assert refusal(program, "M-0", f"M-{length - 1}") == "referrer_cycle"
    put(program, "M-0", "M-other")


def test_a_circle_is_refused_whoever_was_there_first() -> None:
    program = Program()
    for number in range(MOST_STEPS):
        put(program, f"M-{number}", f"M-{number + 1}")
    assert refusal(program, f"M-{MOST_STEPS}", "M-1") == "referrer_cycle"
    put(program, f"M-{MOST_STEPS}", "M-other")


def test_a_chain_that_can_t_be_followed_is_refused() -> None:
    """As only one is that was made from its end to its beginning, or is a circle from before they were refused."""
    program = Program()
    for number in range(MOST_STEPS + 1):
        put(program, f"M-{number}", f"M-{number + 1}")
    assert refusal(program, "M-new", "M-0") == "referrers_too_many"
    put(program, "M-new", "M-9")
    older(program, "A", "B")
    older(program, "B", "A")
    assert refusal(program, "M-newer", "A") == "referrers_too_many"


def test_referrers_from_before_their_origin_was_kept_are_followed_one_by_one() -> None:
    program = Program()
    for number in range(1, 10):
        member = f"M-{number}"
        older(program, member, f"M-{number - 1}")
    assert refusal(program, "M-0", "M-9") == "referrer_cycle"
    put(program, "M-10", "M-9")
    assert program.state(MEMBER.at("M-10")).origin == "M-0"


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_whatever_is_put_is_refused_only_for_a_circle(pairs: list[tuple[int, int]]) -> None:
    program = Program()
    referrers: dict[int, int] = {}
    for member, referrer in pairs:
        if member == referrer or member in referrers:
            continue
        if member in chain(referrers, referrer):
            assert refusal(program, f"M-{member}", f"M-{referrer}") == "referrer_cycle"
        else:
            put(program, f"M-{member}", f"M-{referrer}")
            referrers[member] = referrer


def chain(referrers: dict[int, int], last: int) -> list[int]:
    """A member, who referred them, and so on."""
    found = [last]
    while found[-1] in referrers:
        found.append(referrers[found[-1]])
    return found


async def test_those_who_would_close_a_circle_together_do_not(database: str) -> None:
    async with running(database, follows=False) as one, running(database, follows=False) as other:
        for circle in range(CIRCLES):
            names = [f"C-{circle}-{place}" for place in range(AROUND)]
            puts = [
                partial(put_member, member_id=member, tier=None, attributes={}, referrer=names[place - 1])
                for place, member in enumerate(names)
            ]
            writers = [one.writer, other.writer] * AROUND
            asked = [writer.submit(command) for writer, command in zip(writers, puts, strict=False)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            refused = [answer for answer in answers if isinstance(answer, Conflict)]
            assert [refusal.code for refusal in refused] == ["referrer_cycle"]
            assert sum(isinstance(answer, Exception) for answer in answers) == 1
