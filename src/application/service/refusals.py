"""Why a command is refused, as exceptions for the edges; `domain.values.problems.Invalid` is the one about content.

Refusal                 a command can't be carried out as things stand; `code` names the reason for programs
  Conflict              the state does not allow it, or another body was sent under the same id
  Unknown               what it names does not exist
  VersionRequired       it changes a definition without saying which version it saw
  Stale                 it saw an older version than the current one
  Forbidden             not allowed in this installation or for this caller
  Busy                  not now; `retry_after_seconds` says when to try again
"""

from collections.abc import Iterable

from domain.values.problems import Problem


class Refusal(Exception):  # noqa: N818  an expected answer, not a failure of ours
    """A command can't be carried out as things stand; `code` names the reason for programs."""

    code = "refused"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code


class Conflict(Refusal):
    """The state does not allow it, or another body was sent under the same id."""

    code = "conflict"


def check_saved(problems: Iterable[Problem]) -> None:
    """Raises Conflict with the first of the problems of what was saved: it was right then, and is not any more."""
    for problem in problems:
        raise Conflict(f"{problem.pointer}: {problem.detail}", problem.code)


class Unknown(Refusal):
    """What it names does not exist."""

    code = "not_found"


class VersionRequired(Refusal):
    """It changes a definition without saying which version it saw."""

    code = "version_required"


class Stale(Refusal):
    """It saw an older version than the current one."""

    code = "stale"


class Forbidden(Refusal):
    """Not allowed in this installation or for this caller."""

    code = "forbidden"


class Busy(Refusal):
    """Not now; `retry_after_seconds` says when to try again."""

    code = "busy"

    def __init__(self, detail: str, retry_after_seconds: int = 1, code: str | None = None) -> None:
        super().__init__(detail, code)
        self.retry_after_seconds = retry_after_seconds
