"""A stream's state from its events: what a state row must say, and where there is none, what it would."""

from collections.abc import Iterable
from typing import Any

from application.log.errors import Undecodable
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
