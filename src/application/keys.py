"""API keys and roles.

A key is `laurel_ID_SECRET`: it is looked up by its id, and only the argon2 hash of its secret is stored. Hashing takes
milliseconds by design, so a verified key is remembered by its SHA-256 for `REMEMBERED_SECONDS`, within which a
revocation is seen by every process.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool

REMEMBERED_SECONDS = 30.0
REMEMBERED_KEYS = 1024
HASHES_AT_ONCE = 2
HASHES_WAITING = 32
LONGEST_KEY = 512

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Role(StrEnum):
    """What a key may do; `api.routing` says which role may call which route."""

    ADMIN = "admin"
    OPERATOR = "operator"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    INTEGRATION = "integration"


class Principal(Struct, frozen=True, gc=False):
    """Who is calling."""

    id: str
    name: str
    role: Role


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


class _Stored(Struct, frozen=True):
    id: str
    name: str
    role: str
    hash: str


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
        self._accepted: dict[bytes, tuple[Principal | None, float]] = {}
        self._refused: dict[bytes, tuple[Principal | None, float]] = {}
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def verify(self, key: str) -> Principal | None:
        """Who this key belongs to, or None; `TooManyVerificationsError` while too many keys are being hashed."""
        digest = sha256(key.encode("utf-8", "surrogatepass")).digest()
        remembered = self._accepted.get(digest) or self._refused.get(digest)
        if remembered is not None and self._monotonic() < remembered[1]:
            return remembered[0]
        if self._admin_digest is not None and hmac.compare_digest(digest, self._admin_digest):
            return Principal("settings", "LAUREL_ADMIN_KEY", Role.ADMIN)
        return await self._looked_up(key, digest)

    async def _looked_up(self, key: str, digest: bytes) -> Principal | None:
        prefix, _, rest = key.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "laurel" or not key_id.isalnum() or not secret or len(key) > LONGEST_KEY:
            return None
        if self._waiting >= HASHES_WAITING:
            raise TooManyVerificationsError
        self._waiting += 1
        try:
            principal = await self._hashed(key_id, secret)
        finally:
            self._waiting -= 1
        self._remember(digest, principal)
        return principal

    async def _hashed(self, key_id: str, secret: str) -> Principal | None:
        async with self._hashing:
            stored = await self._stored(key_id)
            if stored is None or not await asyncio.to_thread(_matches, stored.hash, secret):
                return None
            return Principal(stored.id, stored.name, Role(stored.role))

    async def _stored(self, key_id: str) -> _Stored | None:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=class_row(_Stored))
            await cursor.execute(
                "SELECT id, name, role, hash FROM laurel.api_keys WHERE id = %s AND revoked_at IS NULL", (key_id,)
            )
            return await cursor.fetchone()

    def _remember(self, digest: bytes, principal: Principal | None) -> None:
        # apart, so that a flood of wrong keys does not push out the right ones
        kept, other = (self._accepted, self._refused) if principal else (self._refused, self._accepted)
        other.pop(digest, None)
        kept.pop(digest, None)
        while len(kept) >= REMEMBERED_KEYS:
            del kept[next(iter(kept))]
        kept[digest] = (principal, self._monotonic() + REMEMBERED_SECONDS)


def _matches(hashed: str, secret: str) -> bool:
    try:
        return _hasher.verify(hashed, secret)
    except (VerificationError, InvalidHashError):
        return False
