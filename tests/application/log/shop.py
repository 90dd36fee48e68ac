"""A small domain to test the log with: counters, notes, shelves with labels, and a catalogue of rules."""

from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct

from application.log.batch import Commit
from application.log.mapper import Mapper
from application.log.streams import StreamKind
from application.log.working import Command, Working


class Counted(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "counter.counted"
    by: int
    note: str = ""


class Counter(Struct, frozen=True, gc=False):
    total: int = 0
    times: int = 0


def count(counter: Counter | None, event: Counted) -> Counter:
    was = counter or Counter()
    return Counter(was.total + event.by, was.times + 1)


class Ruled(Struct, frozen=True, gc=False, array_like=True):
    tag: ClassVar[str] = "rule.ruled"
    factor: int


def rule(_: Ruled | None, event: Ruled) -> Ruled:
    return event


COUNTERS = StreamKind("counter", Counter, count, (Counted,))
RULES = StreamKind("rule", Ruled, rule, (Ruled,), catalogue=True)


class Noted(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "note.noted"
    text: str


def note(before: Noted | None, event: Noted) -> Noted:
    return Noted(f"{before.text}; {event.text}") if before else event


NOTES = StreamKind("note", Noted, note, (Noted,), brief=True)


class Labelled(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "shelf.labelled"
    text: str


def label(_: Labelled | None, event: Labelled) -> Labelled:
    return event


SHELVES = StreamKind("shelf", Labelled, label, (Labelled,), recalled=True)
MAPPER = Mapper((COUNTERS, RULES, NOTES, SHELVES))


class Refused(Exception):  # noqa: N818  a refusal
    pass


def landed(outcomes: list[Commit | Exception]) -> list[Commit]:
    """The outcomes of commands none of which was refused."""
    committed = [outcome for outcome in outcomes if isinstance(outcome, Commit)]
    assert committed == outcomes
    return committed


def counting(key: str | int | UUID, by: int = 1) -> Command:
    """Adds to a counter and answers its total."""

    def command(working: Working) -> int:
        stream = COUNTERS.at(key)
        working.state(stream)
        return working.record(stream, Counted(by)).total

    return command


def creating(key: str | int | UUID) -> Command:
    """Makes a counter that is new, and answers whether it did; a repeat records nothing."""

    def command(working: Working) -> bool:
        stream = COUNTERS.at(key)
        if working.state_if_known(stream) is not None:
            return False
        working.record(stream, Counted(1))
        return True

    return command


def noting(key: str, text: str) -> Command:
    """Adds to a note and answers the whole of it."""

    def command(working: Working) -> str:
        stream = NOTES.at(key)
        working.state(stream)
        return working.record(stream, Noted(text)).text

    return command


def labelling(key: str, text: str) -> Command:
    """Labels a shelf anew and answers its version."""

    def command(working: Working) -> int:
        stream = SHELVES.at(key)
        working.state(stream)
        working.record(stream, Labelled(text))
        return working.version(stream)

    return command


def recalling(key: str, version: int) -> Command:
    """Answers what a shelf's label was."""

    def command(working: Working) -> str | None:
        was = working.state_at(SHELVES.at(key), version)
        return was.text if was else None

    return command


def moving(source: str, target: str) -> Command:
    """Takes one from a counter that has any and gives it to another; refused when there is none."""

    def command(working: Working) -> tuple[int, int]:
        streams = COUNTERS.at(source), COUNTERS.at(target)
        working.prefetch(streams)
        counter = working.state(streams[0])
        left = working.record(streams[0], Counted(-1)).total
        if counter is None or counter.total < 1:
            raise Refused(source)
        return left, working.record(streams[1], Counted(1)).total

    return command


def reading(key: str | int | UUID) -> Command:
    def command(working: Working) -> Any:
        return working.state(COUNTERS.at(key))

    return command


def ruling(factor: int) -> Command:
    def command(working: Working) -> int:
        working.state(RULES.at("only"))
        return working.record(RULES.at("only"), Ruled(factor)).factor

    return command


def counting_by_rule(key: str) -> Command:
    """Adds the catalogue's factor."""

    def command(working: Working) -> int:
        stream = COUNTERS.at(key)
        working.state(stream)
        return working.record(stream, Counted(working.catalogue.factor)).total

    return command
