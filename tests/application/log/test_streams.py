from itertools import combinations
from uuid import UUID, uuid5

import uuid_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from application.log.streams import StreamKind, identity
from tests.application.log.shop import COUNTERS, RULES

KEYS = [
    (),
    ("",),
    ("", ""),
    ("a",),
    ("a", "b"),
    ("ab",),
    ("a", "", "b"),
    ("1",),
    (1,),
    (-1,),
    (1, 1),
    (11,),
    ("s1:a",),
    ("s", "1:a"),
    ("u" + UUID(int=1).hex,),
    (UUID(int=1),),
    (str(UUID(int=1)),),
    ("Ő",),
    ("O\u030b",),
]


def test_different_keys_are_different_streams() -> None:
    assert all(COUNTERS.at(*one) != COUNTERS.at(*other) for one, other in combinations(KEYS, 2))
    assert COUNTERS.at("a").id != RULES.at("a").id


PARTS = st.lists(st.text(max_size=5) | st.integers() | st.uuids(), max_size=4).map(tuple)


@given(PARTS, PARTS)
@settings(max_examples=200)
def test_keys_are_the_same_when_their_streams_are(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert (COUNTERS.at(*one) == COUNTERS.at(*other)) == (one == other)


def first(_: int | None, event: int) -> int:
    return event


def test_identities_are_permanent() -> None:
    """Written down: every fact that was ever recorded is found under its identity again."""
    assert COUNTERS.at("M-7", 3, UUID(int=5)).id == UUID("cd5a5546-8346-53d3-974d-a00f863035d7")
    assert StreamKind("member", int, first, ()).at("M-7").id == UUID("230a1f8b-e7d8-5908-9c68-6fa761949141")


@given(st.binary(min_size=16, max_size=16), st.text(max_size=20))
@settings(max_examples=50)
def test_an_identity_is_a_version_five_uuid(namespace: bytes, name: str) -> None:
    assert (
        identity(uuid_utils.UUID(bytes=namespace), (name,))
        == uuid5(UUID(bytes=namespace), f"s{len(name)}:{name}").bytes
    )


def test_a_stream_of_a_known_identity() -> None:
    assert COUNTERS.of(COUNTERS.at("a").id) == COUNTERS.at("a")
