"""What the log refuses or fails with.

LogError
├── UnknownTag          the log holds a tag this version has no event type for
├── UnknownEvent        an event type was recorded that no kind lists
├── Undecodable         a payload, envelope or state that its type can't be read from
├── TooLarge            an event or a command's events exceed their bound
├── Contended           decided again as often as allowed, and still in conflict
├── LoadsTooDeep        a command asked for one more stream each time it ran, beyond the bound
├── Overloaded          the queue of commands is full; nothing was queued
├── Stopped             the writer does not run, or was stopped before the command was decided
├── Unavailable         the database could not be reached in time; nothing of the command is recorded
│   └── FateUnknown     ... or it was reached, but never again: the command may be recorded
└── AppendFailed        the database refused the append for a reason of its own
"""

# ruff: noqa: N818  each is named for what happened, as in the tree above


class LogError(Exception):
    """The root of what the log raises by itself. What a command raises passes through as it is."""


class UnknownTag(LogError):
    def __init__(self, tag: str) -> None:
        super().__init__(f"no event type has the tag {tag!r}; was the log written by a newer version?")
        self.tag = tag


class UnknownEvent(LogError):
    def __init__(self, event_type: type) -> None:
        super().__init__(f"{event_type.__qualname__} is not among the events of any kind of stream")


class Undecodable(LogError):
    """`what` names what could not be read, such as a tag or a kind."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what} can't be read: {reason}")
        self.what = what


class Damaged(LogError):
    def __init__(self, finding: str) -> None:
        super().__init__(f"the log is damaged: {finding}")


class TooLarge(LogError):
    def __init__(self, what: str, size: int, bound: int) -> None:
        super().__init__(f"{what}: {size} is more than the {bound} allowed")


class Contended(LogError):
    def __init__(self, tries: int) -> None:
        super().__init__(f"in conflict with other writers {tries} times in a row; try again later")


class LoadsTooDeep(LogError):
    def __init__(self, rounds: int) -> None:
        super().__init__(f"the command still asked for streams after {rounds} loads; prefetch what it needs")


class Overloaded(LogError):
    def __init__(self, queued: int) -> None:
        super().__init__(f"{queued} commands are waiting, which is as many as may; try again later")


class Stopped(LogError):
    def __init__(self) -> None:
        super().__init__("the log's writer is not running")


class Unavailable(LogError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the database can't be reached: {reason}")


class FateUnknown(Unavailable):
    """Ask again with the same command id, or for a fact with the same fact: a repeat meets what was recorded."""


class AppendFailed(LogError):
    def __init__(self, reason: str) -> None:
        super().__init__(f"the database refused the append: {reason}")


class Cold(BaseException):
    """A decision asked for streams that are not loaded; the writer loads them and runs it again.

    Not an Exception, so that no command swallows it by catching those.
    """

    def __init__(self, keys: list[bytes]) -> None:
        super().__init__(keys)
        self.keys = keys
