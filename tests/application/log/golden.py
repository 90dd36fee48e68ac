"""Golden files: one for each tag, which holds a payload as it was first written and what it says.

A file stays for ever, as the log it stands for does. `LAUREL_GOLDEN=write` adds files for tags that have none, from an
example made of the event type's own fields; it never changes one that is there.
"""

import json
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import inspect

from application.log.mapper import Mapper

FOLDER = Path(__file__).parents[2] / "golden" / "events"
DEPTH = 6

_SAMPLES: dict[type, Any] = {
    inspect.AnyType: "any",
    inspect.BoolType: True,
    inspect.BytesType: b"\x00\xff",
    inspect.DateTimeType: datetime(2026, 9, 3, 8, 15, 30, 250000, tzinfo=UTC),
    inspect.DateType: date(2026, 9, 3),
    inspect.DecimalType: Decimal("1234567890.1234567890"),
    inspect.FloatType: 0.5,
    inspect.IntType: 7,
    inspect.NoneType: None,
    inspect.StrType: "Ő-1",
    inspect.TimeDeltaType: timedelta(days=1, seconds=2),
    inspect.UUIDType: UUID("018f3a52-7c11-7000-8000-0123456789ab"),
}


def check(mapper: Mapper, folder: Path = FOLDER) -> None:
    """That every tag has its file, that every file is still read, and that what is written has not changed."""
    current = {tag: event_type for event_type, tag in mapper._stored_tags.items()}
    if os.environ.get("LAUREL_GOLDEN") == "write":
        _write_missing(mapper, current, folder)
    files = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    missing = sorted(current.keys() - files.keys())
    assert not missing, f"no golden file for {missing}; make them with LAUREL_GOLDEN=write"
    for tag, file in sorted(files.items()):
        check_file(mapper, tag, file)


def check_file(mapper: Mapper, tag: str, file: dict[str, Any]) -> None:
    event = mapper.decode(tag, bytes.fromhex(file["payload"]))
    now = described(event)
    assert covers(now, file["event"]), f"{tag} was written as {file['event']} and is now read as {now}"
    written_tag, payload = mapper.encode(event)
    assert mapper.decode(written_tag, payload) == event, f"{tag} is not read back as it was written"
    if written_tag == tag and now == file["event"]:
        assert payload.hex() == file["payload"], f"{tag} says the same and is written differently"


def covers(now: Any, then: Any) -> bool:
    """Whether everything `then` said is still said; `now` may say more, in fields that were added."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(key in now and covers(now[key], value) for key, value in then.items())
    if isinstance(then, list) and isinstance(now, list):
        return len(then) == len(now) and all(map(covers, now, then))
    return bool(now == then)


def described(value: Any) -> Any:
    """As JSON, with structs by the names of their fields also where they are written as arrays."""
    if isinstance(value, msgspec.Struct):
        return {name: described(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(msgspec.to_builtins(key)): described(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [described(item) for item in value]
    return msgspec.to_builtins(value)


def sample(event_type: Any) -> Any:
    """An instance with every field filled, the same each time."""
    return _sample(inspect.type_info(event_type), 0)


def _write_missing(mapper: Mapper, current: dict[str, type], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for tag, event_type in current.items():
        path = folder / f"{tag}.json"
        if not path.exists():
            event = sample(event_type)
            content = {"payload": mapper.encode(event)[1].hex(), "event": described(event)}
            path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _sample(kind: inspect.Type, depth: int) -> Any:  # noqa: C901, PLR0911  one a kind of type
    match kind:
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: _sample(field.type, depth + 1) for field in fields})
        case inspect.UnionType(types=options):
            deep = depth >= DEPTH
            simple = [option for option in options if isinstance(option, inspect.NoneType) == deep] or options
            return _sample(simple[0], depth + 1)
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.TupleType(item_types=items):
            return tuple(_sample(item, depth + 1) for item in items)
        case inspect.VarTupleType(item_type=item):
            return () if depth >= DEPTH else (_sample(item, depth + 1),)
        case inspect.ListType(item_type=item):
            return [] if depth >= DEPTH else [_sample(item, depth + 1)]
        case inspect.FrozenSetType(item_type=item):
            return frozenset((_sample(item, depth + 1),))
        case inspect.DictType(key_type=key, value_type=value):
            return {} if depth >= DEPTH else {_sample(key, depth + 1): _sample(value, depth + 1)}
        case inspect.Metadata(type=inner):
            return _sample(inner, depth)
        case _:
            return _SAMPLES[type(kind)]
