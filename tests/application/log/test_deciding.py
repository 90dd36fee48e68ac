"""Commands that wait for their streams change nothing about what is decided: it is as if each ran after the other."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from application.log.batch import BatchCommand, Decision, Submission
from application.log.cache import NOTHING, Cache, Kept
from application.log.deciding import Deciding
from application.log.errors import LogError
from application.log.working import Command, Working
from tests.application.log.shop import COUNTERS, MAPPER, RULES, Counted, Counter, Refused, Ruled

NOW = datetime(2026, 9, 3, tzinfo=UTC)
STORED: dict[bytes, Kept] = {
    COUNTERS.at(number).key: (number + 1, "counter", MAPPER.encode_state(Counter(number, number + 1)))
    for number in range(3)
}
STORED[RULES.at("only").key] = (1, "rule", MAPPER.encode_state(Ruled(1)))


class Step(Struct, frozen=True):
    """`verb` on a counter, or where `unless_even` names another, only when that is not even."""

    verb: str
    counter: int
    unless_even: int | None = None


class Trace:
    """A command made of steps, that notes how often it ran and what it last saw."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.runs = 0
        self.saw: list[Any] = []

    def __repr__(self) -> str:
        return f"Trace({self.steps})"

    def __call__(self, working: Working) -> list[Any]:
        self.runs += 1
        self.saw = []
        for step in self.steps:
            self.take(working, step)
        return self.saw

    def take(self, working: Working, step: Step) -> None:
        stream = COUNTERS.at(step.counter)
        if step.unless_even is not None and not total(working, step.unless_even) % 2:
            return
        match step.verb:
            case "read":
                self.saw.append(total(working, step.counter))
            case "record":
                working.state(stream)
                self.saw.append(working.record(stream, Counted(1)).total)
            case "create":  # one that is not stored: what is assumed of others only the append finds out
                new = COUNTERS.at(3 + step.counter % 3)
                if working.state_if_known(new) is None:
                    working.record(new, Counted(5))
            case "prefetch":
                working.prefetch([stream, COUNTERS.at(step.counter + 1)])
            case "refuse":
                raise Refused
            case "rule":
                working.state(RULES.at("only"))
                working.record(RULES.at("only"), Ruled(7))


def total(working: Working, number: int) -> int:
    counter = working.state(COUNTERS.at(number))
    return counter.total if counter else 0


class Store:
    def __init__(self) -> None:
        self.loads = 0

    async def load(self, keys: list[bytes]) -> dict[bytes, Kept | LogError]:
        self.loads += 1
        return {key: STORED.get(key, NOTHING) for key in keys}


def jobs_of(commands: list[Command]) -> list[BatchCommand]:
    submission = Submission(len(commands), "")
    return [BatchCommand(command, submission, index) for index, command in enumerate(commands)]


async def decide(jobs: list[BatchCommand], warm: set[int]) -> tuple[list[Decision], list[BatchCommand], Store]:
    cache, store = Cache(), Store()
    for number in warm:
        key = COUNTERS.at(number).key
        cache.put(key, STORED.get(key, NOTHING))
    deciding = Deciding(MAPPER, cache, store.load, NOW, None)
    return *(await deciding.decide(jobs)), store


def written(decisions: list[Decision]) -> list[tuple[bytes, int, str, bytes]]:
    return [
        (held.key, version, tag, payload) for decision in decisions for held, version, tag, payload, _ in decision.rows
    ]


async def one_by_one(commands: list[Trace]) -> list[tuple[list[Any], bool, list[tuple[bytes, int, str, bytes]]]]:
    """The same in one batch where everything is warm, until the catalogue changes."""
    jobs = jobs_of(list(commands))
    cache = Cache()
    for number in range(10):
        cache.put(COUNTERS.at(number).key, STORED.get(COUNTERS.at(number).key, NOTHING))
    cache.put(RULES.at("only").key, STORED[RULES.at("only").key])
    decisions, _ = await Deciding(MAPPER, cache, Store().load, NOW, None)._decide_strictly(jobs)
    return told(decisions)


def told(decisions: list[Decision]) -> list[tuple[list[Any], bool, list[tuple[bytes, int, str, bytes]]]]:
    return [(decision.answer, decision.refusal is None, written([decision])) for decision in decisions]


VERBS = ["read", "record", "record", "create", "prefetch", "refuse", "rule"]
STEPS = st.builds(Step, st.sampled_from(VERBS), st.integers(0, 5), st.none() | st.integers(0, 5))
COMMANDS = st.lists(st.lists(STEPS, min_size=1, max_size=4).map(Trace), min_size=1, max_size=8)


@given(COMMANDS, st.sets(st.integers(0, 6)))
@settings(max_examples=300)
async def test_what_is_decided_does_not_depend_on_what_was_loaded(commands: list[Trace], warm: set[int]) -> None:
    expected = await one_by_one([Trace(command.steps) for command in commands])
    decisions, rest, _ = await decide(jobs_of(list(commands)), warm)
    assert told(decisions) == expected
    assert len(decisions) + len(rest) == len(commands)
    for decision in decisions:
        assert all(held.version >= held.base for held in decision.touched)


def recording(*numbers: int) -> Trace:
    return Trace([Step("record", number) for number in numbers])


async def test_a_command_whose_streams_are_loaded_runs_once() -> None:
    commands = [recording(number) for number in range(6)]
    _, _, store = await decide(jobs_of(list(commands)), {1, 3, 5})
    assert [command.runs for command in commands] == [2, 1, 2, 1, 2, 1]
    assert store.loads == 1


async def test_commands_that_share_a_stream_keep_their_order() -> None:
    """The second has its stream, which the first has touched before it asked for another."""
    commands = [recording(1, 4), recording(1), recording(2)]
    decisions, _, _ = await decide(jobs_of(list(commands)), {1, 2})
    assert [decision.answer for decision in decisions] == [[2, 1], [3], [3]]
    assert [command.runs for command in commands] == [2, 2, 1]


async def test_a_command_that_meets_what_a_later_one_did_has_all_decided_anew() -> None:
    """It shows only once it runs that the first wants what the second has changed."""
    commands = [recording(4, 1), recording(1)]
    decisions, _, _ = await decide(jobs_of(list(commands)), {1})
    assert [decision.answer for decision in decisions] == [[1, 2], [3]]


@pytest.mark.parametrize("warm", [set(), {0, 1, 2, 3}])
async def test_what_changes_the_catalogue_is_the_last_of_its_batch(warm: set[int]) -> None:
    commands = [recording(0), Trace([Step("read", 1), Step("rule", 0)]), recording(0), recording(1)]
    jobs = jobs_of(list(commands))
    decisions, rest, _ = await decide(jobs, warm)
    assert [decision.job for decision in decisions] == jobs[:2]
    assert rest == jobs[2:]
