"""Positions as clients see them: opaque texts. Their form is known here and nowhere else."""

import re

from api.problems import bad_parameter

_FORM = re.compile(r"[0-9]{1,18}", re.ASCII)


def write_position(position: int) -> str:
    return str(position)


def read_position(text: str, parameter: str = "after") -> int:
    """The position that `text` stands for; a problem with `parameter` when it is none of ours."""
    if not _FORM.fullmatch(text):
        raise bad_parameter(parameter, "must be a position that an answer of this service gave", "position")
    return int(text)
