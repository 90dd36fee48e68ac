"""Sessions: who signed in with an API key, until they sign out.

A session is a row, so every process knows it and whoever signs out is signed out everywhere. The browser keeps a random
token, the row a digest of it. A session ends `SESSION_SECONDS` after it was opened, `IDLE_SECONDS` after it was last
used, and with its key.
"""

import hmac
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from psycopg_pool import AsyncConnectionPool

from application.service.keys import SETTINGS_KEY, SETTINGS_PRINCIPAL, Principal, Role

SESSION_SECONDS = 12 * 3600
IDLE_SECONDS = 2 * 3600
NOTED_SECONDS = 60
"""A use is noted when the last one noted is older."""
MOST_SESSIONS = 100
"""Of one key; who signs in once more ends the oldest."""
TOKEN_BYTES = 32
LONGEST_TOKEN = 100

_OPEN = """
INSERT INTO laurel.sessions (id, key_id, created_at, used_at, expires_at)
SELECT %(id)s, %(key)s, %(now)s, %(now)s, %(expires)s
WHERE %(key)s = %(settings)s OR EXISTS (SELECT FROM laurel.api_keys WHERE id = %(key)s AND revoked_at IS NULL)
"""
_REMOVE = """
DELETE FROM laurel.sessions
WHERE expires_at <= %(now)s OR id IN (
    SELECT id FROM laurel.sessions WHERE key_id = %(key)s ORDER BY created_at DESC, id OFFSET %(most)s
)
"""
_FIND = """
SELECT s.id, s.key_id, k.name, k.role, s.used_at
FROM laurel.sessions s
LEFT JOIN laurel.api_keys k ON k.id = s.key_id AND k.revoked_at IS NULL
WHERE s.id = ANY(%(ids)s) AND s.ended_at IS NULL AND s.expires_at > %(now)s AND s.used_at > %(idle)s
AND (k.id IS NOT NULL OR s.key_id = %(settings)s)
"""
_NOTE = "UPDATE laurel.sessions SET used_at = greatest(used_at, %s) WHERE id = %s"
_END = "UPDATE laurel.sessions SET ended_at = %s WHERE id = ANY(%s) AND ended_at IS NULL"


def _machine_time() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """Opens sessions, knows them again and ends them; `now` is the machine's time, whatever a sandbox's clock says."""

    def __init__(
        self, pool: AsyncConnectionPool, admin_key: str | None, now: Callable[[], datetime] = _machine_time
    ) -> None:
        self._pool = pool
        self._admin_key = admin_key
        self._now = now

    async def open(self, principal: Principal) -> str | None:
        """The token of a new session for the owner of a key that was just verified; None when it was revoked since."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._now()
        named = {
            "id": self._sealed(token) if principal.id == SETTINGS_KEY else _digest(token),
            "key": principal.id,
            "settings": SETTINGS_KEY,
            "now": now,
            "expires": now + timedelta(seconds=SESSION_SECONDS),
            "most": MOST_SESSIONS,
        }
        async with self._pool.connection() as connection, connection.transaction():
            opened = await connection.execute(_OPEN, named)
            await connection.execute(_REMOVE, named)
        return token if opened.rowcount else None

    async def principal(self, token: str) -> Principal | None:
        """Whose session it is; None when it has ended, or there never was one."""
        if len(token) > LONGEST_TOKEN:
            return None
        now = self._now()
        named = {"ids": self._ids(token), "settings": SETTINGS_KEY, "now": now}
        async with self._pool.connection() as connection:
            found = await connection.execute(_FIND, named | {"idle": now - timedelta(seconds=IDLE_SECONDS)})
            row = await found.fetchone()
            if row is None:
                return None
            session, key_id, name, role, used_at = row
            if now - used_at >= timedelta(seconds=NOTED_SECONDS):
                await connection.execute(_NOTE, (now, session))
        return SETTINGS_PRINCIPAL if key_id == SETTINGS_KEY else Principal(key_id, name, Role(role))

    async def end(self, token: str) -> None:
        """Sign out; of no effect where there is no such session any more."""
        async with self._pool.connection() as connection:
            await connection.execute(_END, (self._now(), self._ids(token)))

    def _ids(self, token: str) -> list[bytes]:
        return [_digest(token)] if self._admin_key is None else [_digest(token), self._sealed(token)]

    def _sealed(self, token: str) -> bytes:
        """The id of a session of the settings' key, which is part of it: when the setting changes, the session ends."""
        return hmac.digest((self._admin_key or "").encode(), token.encode("utf-8", "surrogatepass"), sha256)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
