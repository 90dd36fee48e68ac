"""A request with an idempotency key: what it was and what it was answered, so that a repeat is answered the same."""

from typing import ClassVar

from msgspec import Struct


class Answered(Struct, frozen=True, gc=False):
    """`digest` covers the caller, method, path and body; `body` is the JSON answered, less its position."""

    tag: ClassVar[str] = "request.answered"
    digest: bytes
    status: int
    body: bytes


def evolve(_: Answered | None, event: Answered) -> Answered:
    return event
