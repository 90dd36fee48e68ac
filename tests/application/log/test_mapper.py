from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from application.log.envelope import Cause, Envelope
from application.log.errors import Undecodable, UnknownEvent, UnknownTag
from application.log.mapper import Mapper
from application.log.streams import StreamKind
from tests.application.log.shop import COUNTERS, MAPPER, RULES, Counted, Counter, Ruled, count, rule


class Everything(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "everything.happened"
    amount: Decimal
    at: datetime
    id: UUID
    lines: tuple[Counted, ...]
    names: dict[str, str | bool | None]


EVENT = Everything(
    Decimal("1.000000000000000000000000000001"),
    datetime(2026, 9, 3, 8, 15, 30, 250001, tzinfo=UTC),
    UUID(int=7),
    (Counted(1, "Ő"),),
    {"a": True, "b": None},
)


def keep(_: Everything | None, event: Everything) -> Everything:
    return event


def kind_of(*events: type, name: str = "other") -> StreamKind[Any, Any]:
    return StreamKind(name, Counter, count, events)


def test_an_event_is_read_as_it_was_written() -> None:
    mapper = Mapper((StreamKind("everything", Everything, keep, (Everything,)),))
    tag, payload = mapper.encode(EVENT)
    assert tag == "everything.happened"
    assert tag.encode() not in payload
    assert mapper.decode(tag, payload) == EVENT
    assert mapper.decode_state("everything", mapper.encode_state(EVENT)) == EVENT


@pytest.mark.parametrize("cause", [None, Cause(UUID(int=3), 4)])
def test_an_envelope_is_read_as_it_was_written(cause: Cause | None) -> None:
    envelope = Envelope(datetime(2026, 9, 3, 8, 15, 30, 250001, tzinfo=UTC), UUID(int=1), "key", UUID(int=2), cause)
    assert MAPPER.decode_envelope(MAPPER.encode_envelope(envelope)) == envelope


def test_an_envelope_of_before_a_field_was_added_is_read() -> None:
    old = msgspec.msgpack.encode([datetime(2026, 9, 3, tzinfo=UTC), UUID(int=1).bytes, "key"])
    assert MAPPER.decode_envelope(old) == Envelope(datetime(2026, 9, 3, tzinfo=UTC), UUID(int=1), "key")


def test_what_is_not_known_is_named() -> None:
    with pytest.raises(UnknownTag, match=r"counter\.vanished") as caught:
        MAPPER.decode("counter.vanished", b"\x80")
    assert caught.value.tag == "counter.vanished"
    with pytest.raises(UnknownEvent, match="Everything"):
        MAPPER.encode(EVENT)


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x80", b"\xff\xff", b"\x81\xa2by\xa1x"])
def test_what_cant_be_read_says_what_it_was(payload: bytes) -> None:
    with pytest.raises(Undecodable, match=r"counter\.counted"):
        MAPPER.decode("counter.counted", payload)
    with pytest.raises(Undecodable, match="envelope"):
        MAPPER.decode_envelope(payload)
    with pytest.raises(Undecodable, match="nothing"):
        MAPPER.decode_state("nothing", payload)


class CountedOnce(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "counter.counted"
    amount: int
    note: str


UPCASTS = {
    ("counter.counted", 1): lambda content: {**content, "note": content["note"].upper()},
    ("counter.counted", 2): lambda content: {"amount": content["by"], "note": content["note"]},
}


def test_what_older_versions_wrote_is_brought_to_this_one() -> None:
    _, payload = MAPPER.encode(Counted(3, "x"))
    mapper = Mapper((kind_of(CountedOnce),), UPCASTS)
    assert mapper.decode("counter.counted", payload) == CountedOnce(3, "X")
    assert mapper.decode("counter.counted@2", payload) == CountedOnce(3, "x")
    tag, payload = mapper.encode(CountedOnce(4, "y"))
    assert tag == "counter.counted@3"
    assert mapper.decode(tag, payload) == CountedOnce(4, "y")
    assert mapper.kind_of_tag["counter.counted"] is mapper.kind_of_tag["counter.counted@3"]


def test_an_upcast_that_fails_is_an_error_of_the_log() -> None:
    mapper = Mapper((kind_of(CountedOnce),), UPCASTS)
    with pytest.raises(Undecodable):
        mapper.decode("counter.counted", msgspec.msgpack.encode({"by": 3}))


class Untagged(Struct, frozen=True, gc=False):
    n: int


class BadlyTagged(Struct, frozen=True, gc=False):
    tag: ClassVar[str] = "counter@2"


@pytest.mark.parametrize(
    ("kinds", "upcasts", "why"),
    [
        ((COUNTERS, COUNTERS), {}, "two kinds"),
        ((COUNTERS, kind_of(CountedOnce)), {}, "both have tag"),
        ((kind_of(Untagged),), {}, "Untagged needs"),
        ((kind_of(BadlyTagged),), {}, "BadlyTagged needs"),
        ((COUNTERS,), {("counter.vanished", 1): dict}, "no event type has"),
        ((COUNTERS,), {("counter.counted", 2): dict}, "without a hole"),
    ],
    ids=["name twice", "tag twice", "no tag", "bad tag", "upcast of nothing", "upcast missing"],
)
def test_a_registry_that_contradicts_itself_is_refused(kinds: Any, upcasts: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Mapper(kinds, upcasts)


def test_a_struct_may_be_written_as_an_array() -> None:
    mapper = Mapper((StreamKind("rule", Ruled, rule, (Ruled,)),))
    assert mapper.encode(Ruled(3)) == ("rule.ruled", b"\x91\x03")
    assert RULES.catalogue
