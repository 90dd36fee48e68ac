"""What is wrong with something submitted: where, and what would be right."""

from msgspec import Struct


class Problem(Struct, frozen=True, gc=False):
    """One fault in a body.

    `pointer` is a JSON pointer (RFC 6901) into the body, such as `/tiers/2/from`; `detail` says what was wrong
    and what is allowed; `code` names the kind of fault for programs.
    """

    pointer: str
    detail: str
    code: str = "invalid"

    def under(self, prefix: str) -> "Problem":
        """The same problem, seen from a body that holds this one at `prefix`."""
        return Problem(prefix + self.pointer, self.detail, self.code)


class Invalid(Exception):  # noqa: N818  it is a refusal with reasons, not a failure of ours
    """A submission was refused for its content; `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{problem.pointer}: {problem.detail}" for problem in problems))
        self.problems = problems
