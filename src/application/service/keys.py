"""API keys and roles.

A key is `laurel_ID_SECRET`: it is looked up by its id, and only the argon2 hash of its secret is stored. Hashing takes
milliseconds by design, so a verified key is remembered by its SHA-256. After `REMEMBERED_SECONDS` it is looked up
again, so that every process sees a revocation within them, but is not hashed again: wrong keys, which wait for one
another to be hashed, never hold up one that is known. A secret is hashed whether there is a key of that id or not, so
nobody learns from the time it takes which ids there are.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

from application.postgres.connection import within

REMEMBERED_SECONDS = 30.0
REMEMBERED_KEYS = 1024
HASHES_AT_ONCE = 1
HASHES_WAITING = 32
LONGEST_KEY = 512
ANSWER_SECONDS = 4.0
"""How long the database is waited for: every request waits for this first."""

SETTINGS_KEY = "settings"
"""The id of the admin key of the settings, which is no row."""

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$6kqPjKIkl+pqi26caZrf5Q$FOjf2im+kE6xE1WW9FZEeZsDB01S9XmdqL2QEAtr5fo"
"""What a secret is compared with where there is no key of that id: made by the same hasher, of nobody's secret."""


class Role(StrEnum):
    """What a key may do; `api.http.routing` says which role may call which route."""

    ADMIN = "admin"
    OPERATOR = "operator"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    INTEGRATION = "integration"


READERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.ANALYST, Role.AUDITOR})
"""Who may read everything."""


class Principal(Struct, frozen=True, gc=False):
    """Who is calling."""

    id: str
    name: str
    role: Role


SETTINGS_PRINCIPAL = Principal(SETTINGS_KEY, "LAUREL_ADMIN_KEY", Role.ADMIN)


class Key(Struct, frozen=True):
    """A key as it is listed; its secret can't be shown again."""

    id: str
    name: str
    role: Role
    created_at: datetime
    revoked_at: datetime | None


class TooManyVerificationsError(Exception):
    """More unknown keys are waiting to be hashed than we are willing to hash."""


class UnknownKeyError(Exception):
    """There is no such key, or it is revoked already."""


class KeyVerifier(Protocol):
    """Says who an API key belongs to."""

    async def verify(self, key: str) -> Principal | None: ...


class _StoredKey(Struct, frozen=True):
    id: str
    name: str
    role: str
    hash: str


class _VerifiedKey(Struct, frozen=True, gc=False):
    """A key that was right when it was last looked up, and until when that is taken for granted."""

    principal: Principal
    hash: str
    until: float


async def make_key(pool: AsyncConnectionPool, name: str, role: Role, now: datetime) -> tuple[str, Key]:
    """A new key, with its whole text, which is shown this once."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    hashed = await asyncio.to_thread(_hasher.hash, secret)
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO laurel.api_keys (id, name, role, hash, created_at) VALUES (%s, %s, %s, %s, %s)",
            (key_id, name, role.value, hashed, now),
        )
    return f"laurel_{key_id}_{secret}", Key(key_id, name, role, now, None)


async def list_keys(pool: AsyncConnectionPool) -> list[Key]:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "SELECT id, name, role, created_at, revoked_at FROM laurel.api_keys ORDER BY created_at, id LIMIT 10000"
        )
        rows = await cursor.fetchall()
    return [Key(row[0], row[1], Role(row[2]), row[3], row[4]) for row in rows]


async def revoke_key(pool: AsyncConnectionPool, key_id: str, now: datetime) -> None:
    async with pool.connection() as connection:
        cursor = await connection.execute(
            "UPDATE laurel.api_keys SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (now, key_id)
        )
    if not cursor.rowcount:
        raise UnknownKeyError(f"there is no active key {key_id}")


class Keys:
    """Verifies keys for one process; `admin_key` is the one from the settings."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        admin_key: str | None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._admin_digest = sha256(admin_key.encode()).digest() if admin_key else None
        self._monotonic = monotonic
        self._verified: dict[bytes, _VerifiedKey] = {}
        self._refused: dict[bytes, float] = {}
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._under_way: dict[bytes, asyncio.Task[Principal | None]] = {}

    async def verify(self, key: str) -> Principal | None:
        """Who this key belongs to, or None; `TooManyVerificationsError` while too many keys are being hashed."""
        digest = sha256(key.encode("utf-8", "surrogatepass")).digest()
        verified = self._verified.get(digest)
        if verified is not None and self._monotonic() < verified.until:
            return verified.principal
        if self._monotonic() < self._refused.get(digest, 0.0):
            return None
        if self._admin_digest is not None and hmac.compare_digest(digest, self._admin_digest):
            return SETTINGS_PRINCIPAL
        if verified is not None and (principal := await self._looked_up_again(verified, digest)):
            return principal
        return await self._looked_up(key, digest)

    async def _looked_up_again(self, verified: _VerifiedKey, digest: bytes) -> Principal | None:
        """Whose a known key still is: what it was compared with must be the same."""
        stored = await self._stored(verified.principal.id)
        if stored is None or stored.hash != verified.hash:
            return None
        return self._remember(digest, stored)

    async def _looked_up(self, key: str, digest: bytes) -> Principal | None:
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "laurel" or not key_id.isalnum() or not secret or len(key) > LONGEST_KEY:
            return None
        comparison = self._under_way.get(digest)
        if comparison is None:
            if len(self._under_way) >= HASHES_WAITING:
                raise TooManyVerificationsError
            comparison = asyncio.create_task(self._compared(digest, key_id, secret))
            self._under_way[digest] = comparison
            comparison.add_done_callback(lambda _: self._under_way.pop(digest))
        # one that comes many times at once is hashed once, whoever goes away meanwhile
        return await asyncio.shield(comparison)

    async def _compared(self, digest: bytes, key_id: str, secret: str) -> Principal | None:
        async with self._hashing:
            stored = await self._stored(key_id)
            matches = await asyncio.to_thread(_matches, stored.hash if stored else _NOBODYS, secret)
        return self._remember(digest, stored if matches else None)

    async def _stored(self, key_id: str) -> _StoredKey | None:
        async with self._pool.connection(timeout=ANSWER_SECONDS) as connection:
            cursor = connection.cursor(row_factory=class_row(_StoredKey))
            with within(connection, ANSWER_SECONDS):
                await cursor.execute(
                    "SELECT id, name, role, hash FROM laurel.api_keys WHERE id = %s AND revoked_at IS NULL", (key_id,)
                )
            return await cursor.fetchone()

    def _remember(self, digest: bytes, stored: _StoredKey | None) -> Principal | None:
        # apart, so that a flood of wrong keys does not push out the right ones
        self._verified.pop(digest, None)
        self._refused.pop(digest, None)
        until = self._monotonic() + REMEMBERED_SECONDS
        if stored is None:
            _make_room(self._refused)
            self._refused[digest] = until
            return None
        principal = Principal(stored.id, stored.name, Role(stored.role))
        _make_room(self._verified)
        self._verified[digest] = _VerifiedKey(principal, stored.hash, until)
        return principal


def _make_room(remembered: dict[bytes, Any]) -> None:
    while len(remembered) >= REMEMBERED_KEYS:
        del remembered[next(iter(remembered))]


def _matches(hashed: str, secret: str) -> bool:
    try:
        return _hasher.verify(hashed, secret)
    except (VerificationError, InvalidHashError):
        return False
