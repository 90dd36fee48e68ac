"""A projection: a name, a version, tables, and folds from recorded events to row changes."""

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files

from msgspec import Struct

from application.log.errors import UnknownTag
from application.log.events import Recorded
from application.log.mapper import Mapper
from projections.engine.changes import Changes, Table

Fold = Callable[[Changes, Recorded], None]
"""Adds to the changes what one event does. Pure but for that: the same events make the same rows, for ever."""


class Projection(Struct, frozen=True, eq=False):
    """`folds` are by tag of event. With a higher `version` it is rebuilt when the program starts; with a change of
    tables or folds it must have one. Its `.sql` files are in the `room` of `projections`, where that is not its name.
    """

    name: str
    version: int
    tables: tuple[Table, ...]
    folds: Mapping[str, Fold]
    room: str = ""

    @property
    def schema(self) -> str:
        return f"p_{self.name}"

    @property
    def schema_beside(self) -> str:
        """Where it is rebuilt."""
        return f"p_{self.name}_next"

    def fold(self, mapper: Mapper, events: Sequence[Recorded]) -> Changes:
        """Raises UnknownTag for an event that only a newer version knows: what it means to the rows can't be told."""
        changes = Changes()
        folds = {tag: self._fold_of(mapper, tag) for tag in {recorded.tag for recorded in events}}
        for recorded in events:
            fold = folds[recorded.tag]
            if fold is None:
                continue
            try:
                fold(changes, recorded)
            except Exception as error:
                error.add_note(f"at position {recorded.position}")
                raise
        return changes

    def _fold_of(self, mapper: Mapper, tag: str) -> Fold | None:
        """None where what the event says is nothing to this projection."""
        if tag not in mapper.kind_of_tag:
            raise UnknownTag(tag)
        return self.folds.get(tag.partition("@")[0])


def described(error: Exception) -> str:
    """What went wrong, and the place that a fold has noted."""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{notes}"


def statement(room: str, name: str) -> str:
    """The text of one of the `.sql` files in a room of `projections`."""
    return files(f"projections.{room}").joinpath(f"{name}.sql").read_text("utf-8")
