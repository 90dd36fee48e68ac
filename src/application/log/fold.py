"""A stream's state from its events: what a state row must say, and where there is none, what it would."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from application.log.errors import Damaged, Undecodable
from application.log.mapper import Mapper


def folded(mapper: Mapper, state: Any, events: Iterable[tuple[str, bytes]]) -> Any:  # noqa: ANN401  any kind's state
    """`state` after further events, each a stored tag and its payload. Raises UnknownTag or Undecodable."""
    for tag, payload in events:
        event = mapper.decode(tag, payload)
        try:
            state = mapper.kind_of_tag[tag].evolve(state, event)
        except Exception as error:
            raise Undecodable(f"a stream with an event {tag}", f"it can't be folded: {error!r}") from error
    return state


def kept(mapper: Mapper, kind: str, state: bytes, tags: Sequence[str] | None, payloads: Sequence[bytes] | None) -> Any:  # noqa: ANN401  any kind's state
    """A state as it is stored or, where that was emptied, as the events that come with it make it."""
    if state:
        return mapper.decode_state(kind, state)
    return folded(mapper, None, zip(tags or (), payloads or (), strict=True))


FOLD_EVENTS = 1_000

Stored = tuple[int, bytes, int, str, bytes, bytes]
"""An event: position, the bytes of its stream, version, tag, payload and envelope."""


Read = Callable[[UUID, int, int], Awaitable[Sequence[Stored]]]
"""Answers the events of a stream after a version, at most so many."""


async def unstored(mapper: Mapper, key: UUID, version: int, tag: str, payload: bytes, read: Read) -> Any:  # noqa: ANN401  any kind's state
    """The state of a row that has none: of its only event, where that is given, or of all there are."""
    if tag:
        return folded(mapper, None, [(tag, payload)])
    return await refolded(mapper, key, version, read)


async def refolded(mapper: Mapper, key: UUID, version: int, read: Read) -> Any:  # noqa: ANN401  any kind's state
    """The state of a row that has none: the library recorded there, or a release emptied it to be made anew."""
    state, done = None, 0
    while done < version:
        rows = [row for row in await read(key, done, FOLD_EVENTS) if row[2] <= version]
        if not rows:
            raise Damaged(f"stream {key} has {version} events by its row, and {done} in the log")
        state = folded(mapper, state, ((tag, payload) for _, _, _, tag, payload, _ in rows))
        done = rows[-1][2]
    return state
