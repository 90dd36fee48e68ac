import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from argon2 import extract_parameters

from application.postgres.connection import pool_of
from application.service import keys
from application.service.keys import (
    HASHES_WAITING,
    REMEMBERED_KEYS,
    REMEMBERED_SECONDS,
    Keys,
    Principal,
    Role,
    TooManyVerificationsError,
    UnknownKeyError,
    list_keys,
    make_key,
    revoke_key,
)
from tests.application.access import pool_on
from tests.support.sessions import sessions, stopped

NOW = datetime(2026, 9, 1, tzinfo=UTC)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_key_is_verified_until_its_revocation_is_seen(database: str) -> None:
    async with pool_on(database) as pool:
        seconds = Seconds()
        text, key = await make_key(pool, "till 1", Role.INTEGRATION, NOW)
        keys = Keys(pool, None, seconds)
        assert await keys.verify(text) == Principal(key.id, "till 1", Role.INTEGRATION)
        assert await keys.verify(text + "x") is None
        assert await keys.verify(f"laurel_{key.id}_wrong") is None
        await revoke_key(pool, key.id, NOW)
        assert await keys.verify(text) is not None
        seconds.now = REMEMBERED_SECONDS
        assert await keys.verify(text) is None
        with pytest.raises(UnknownKeyError):
            await revoke_key(pool, key.id, NOW)
        assert [(each.name, each.revoked_at) for each in await list_keys(pool)] == [("till 1", NOW)]


async def test_a_database_that_does_not_answer_is_not_waited_for(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.service.keys.ANSWER_SECONDS", 0.5)
    async with pool_of(database, "laurel keys", 1) as pool:
        text, _ = await make_key(pool, "till 1", Role.INTEGRATION, NOW)
        with stopped(*sessions(database, "laurel keys")):
            async with asyncio.timeout(10):
                with pytest.raises(psycopg.OperationalError):
                    await Keys(pool, None).verify(text)
        assert await Keys(pool, None).verify(text)


async def test_the_secret_is_not_stored(database: str) -> None:
    async with pool_on(database) as pool:
        text, _ = await make_key(pool, "crm", Role.ADMIN, NOW)
        async with pool.connection() as connection:
            cursor = await connection.execute("SELECT k::text FROM laurel.api_keys k")
            row = await cursor.fetchone()
        assert row is not None
        assert text.split("_", 2)[2] not in row[0]


@pytest.mark.parametrize(
    "key", ["", "laurel", "laurel__", "laurel_\x00_a", "laurel_a'b_c", "other_1_2", "\ud800", "x" * 10_000]
)
async def test_what_is_no_key_is_refused_without_asking_the_database(database: str, key: str) -> None:
    async with pool_on(database) as pool:
        asked = pool.get_stats().get("requests_num", 0)
        assert await Keys(pool, "an admin key of the settings").verify(key) is None
        assert pool.get_stats().get("requests_num", 0) == asked


async def test_the_admin_key_of_the_settings_is_an_admin(database: str) -> None:
    async with pool_on(database) as pool:
        keys = Keys(pool, "an admin key of the settings")
        principal = await keys.verify("an admin key of the settings")
        assert principal is not None
        assert principal.role is Role.ADMIN
        assert await keys.verify("an admin key of the setting") is None


async def test_a_flood_of_wrong_keys_is_bounded_and_leaves_the_right_ones(database: str) -> None:
    async with pool_on(database) as pool:
        text, _ = await make_key(pool, "crm", Role.ADMIN, NOW)
        keys = Keys(pool, None)
        assert await keys.verify(text) is not None
        flood = [keys.verify(f"laurel_abc_{number}") for number in range(HASHES_WAITING * 3)]
        outcomes = await asyncio.gather(*flood, return_exceptions=True)
        assert sum(isinstance(outcome, TooManyVerificationsError) for outcome in outcomes) == HASHES_WAITING * 2
        for number in range(REMEMBERED_KEYS + 10):
            keys._remember(number.to_bytes(4), None)
        assert len(keys._refused) == REMEMBERED_KEYS
        assert len(keys._verified) == 1


async def test_a_key_that_is_known_never_waits_for_wrong_ones(database: str) -> None:
    async with pool_on(database) as pool:
        text, key = await make_key(pool, "crm", Role.ADMIN, NOW)
        seconds = Seconds()
        keys = Keys(pool, None, seconds)
        assert await keys.verify(text) is not None
        seconds.now = REMEMBERED_SECONDS
        flood = asyncio.gather(*[keys.verify(f"laurel_{key.id}_{number}") for number in range(HASHES_WAITING)])
        await asyncio.sleep(0)
        with pytest.raises(TooManyVerificationsError):
            await keys.verify(f"laurel_{key.id}_one_more")
        assert await keys.verify(text) is not None
        assert not flood.done()
        assert await flood == [None] * HASHES_WAITING


async def test_a_key_that_comes_many_times_at_once_is_hashed_once(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = noted(monkeypatch)
    async with pool_on(database) as pool:
        text, _ = await make_key(pool, "crm", Role.ADMIN, NOW)
        keys = Keys(pool, None)
        found = await asyncio.gather(*[keys.verify(text) for _ in range(HASHES_WAITING * 2)])
        assert None not in found
        assert len(hashed) == 1


async def test_nobody_learns_from_the_time_it_takes_which_ids_there_are(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = noted(monkeypatch)
    async with pool_on(database) as pool:
        _, key = await make_key(pool, "crm", Role.ADMIN, NOW)
        revoked, gone = await make_key(pool, "till", Role.ADMIN, NOW)
        await revoke_key(pool, gone.id, NOW)
        keys = Keys(pool, None)
        for wrong in (f"laurel_{key.id}_wrong", "laurel_000000000000_wrong", f"laurel_{gone.id}_wrong", revoked):
            for _ in range(2):
                assert await keys.verify(wrong) is None
        assert len(hashed) == 4
    costs = [extract_parameters(each) for each in hashed]
    assert costs == costs[:1] * 4


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that secrets were compared with."""
    hashed: list[str] = []
    matches = keys._matches

    def match(hash_: str, secret: str) -> bool:
        hashed.append(hash_)
        return matches(hash_, secret)

    monkeypatch.setattr(keys, "_matches", match)
    return hashed
