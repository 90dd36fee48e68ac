"""What a fact stands on: who the member was and what was running when it was first recorded.

An update, an acceptance, a refund or an edit of a definition asks anew only what depends on what it changes. Everything
else is asked as of here, so that no delay and no order of commands changes what a fact counts for.
"""

from bisect import bisect_left

from msgspec import Struct


class Basis(Struct, frozen=True, gc=False, array_like=True):
    """Places in the log: the version of the member's stream, and the position of the last change of a definition."""

    member_version: int
    catalogue: int


Turns = tuple[int, ...]
"""The positions of definitions behind which one was switched on and off by turns, on first."""


def is_on(turns: Turns) -> bool:
    return len(turns) % 2 == 1


def was_on(turns: Turns, basis: Basis) -> bool:
    return bisect_left(turns, basis.catalogue) % 2 == 1
