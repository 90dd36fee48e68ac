"""Sessions of people who signed in with an API key: a signed cookie, so that every process of the program knows it.

A token is `KEY_ID.EXPIRES.SIGNATURE`. The signature is made with what the store keeps of that key and shows nobody (the
hash of its secret), so revoking the key ends its sessions, and the browser never keeps the key itself.
"""

import hmac
import time
from collections.abc import Callable
from hashlib import sha256

from psycopg_pool import AsyncConnectionPool

from application.keys import Principal, Role

COOKIE = "laurel_session"
SESSION_SECONDS = 12 * 3600
LONGEST_TOKEN = 200
SETTINGS_KEY = "settings"
"""The id that `application.keys` gives the admin key of the settings."""

READERS = frozenset({Role.ADMIN, Role.OPERATOR, Role.ANALYST, Role.AUDITOR})
"""Who may look at pages: the roles that may read everything."""


class Sessions:
    """Opens sessions and knows them again; `now` is the machine's time in seconds since 1970."""

    def __init__(self, pool: AsyncConnectionPool, admin_key: str | None, now: Callable[[], float] = time.time) -> None:
        self._pool = pool
        self._admin_key = admin_key
        self._now = now

    async def open(self, principal: Principal) -> str | None:
        """A token for the owner of a key that was just verified; None when it was revoked this instant."""
        found = await self._secret(principal.id)
        if found is None:
            return None
        expires = int(self._now()) + SESSION_SECONDS
        return f"{principal.id}.{expires}.{_signature(found[1], principal.id, expires)}"

    async def principal(self, token: str) -> Principal | None:
        """Whose session it is; None when it has expired, its key is revoked, or nobody signed it."""
        key_id, _, rest = token.partition(".")
        written, _, signature = rest.partition(".")
        if len(token) > LONGEST_TOKEN or not token.isascii() or not key_id.isalnum() or not written.isdigit():
            return None
        expires = int(written)
        if not self._now() < expires <= self._now() + SESSION_SECONDS:
            return None
        found = await self._secret(key_id)
        if found is None or not hmac.compare_digest(signature, _signature(found[1], key_id, expires)):
            return None
        return found[0]

    async def _secret(self, key_id: str) -> tuple[Principal, bytes] | None:
        """Whose key it is, and what its sessions are signed with."""
        if key_id == SETTINGS_KEY:
            if self._admin_key is None:
                return None
            return Principal(key_id, "LAUREL_ADMIN_KEY", Role.ADMIN), sha256(self._admin_key.encode()).digest()
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT name, role, hash FROM laurel.api_keys WHERE id = %s AND revoked_at IS NULL", (key_id,)
            )
            row = await cursor.fetchone()
        return (Principal(key_id, row[0], Role(row[1])), row[2].encode()) if row else None


def _signature(secret: bytes, key_id: str, expires: int) -> str:
    return hmac.new(secret, f"backoffice session of {key_id} until {expires}".encode(), sha256).hexdigest()
