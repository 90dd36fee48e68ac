"""Positions as clients see them: opaque texts. Their form is known here and nowhere else."""

import re

from api.http.problems import bad_parameter

_FORM = re.compile(r"[0-9]{1,18}", re.ASCII)


def write_position(position: int) -> str:
    return str(position)


def position_in(text: str) -> int | None:
    """The position that `text` stands for; None when it is none of ours."""
    return int(text) if _FORM.fullmatch(text) else None


def read_position(text: str) -> int:
    """The position that `text` stands for; a problem with `after` when it is none of ours."""
    position = position_in(text)
    if position is None:
        raise bad_parameter("after", "must be a position that an answer of this service gave", "position")
    return position
