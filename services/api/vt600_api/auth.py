"""API keys: key → caller, and what a caller may do."""

import hashlib
import secrets
import time
from dataclasses import dataclass

from fastapi import Request, WebSocket
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_api.errors import ApiError
from vt600_api.keys.models import ApiKey

SCOPES = (
    "read:positions",
    "read:raw",
    "write:devices",
    "send:commands",
    "send:commands:dangerous",
    "send:commands:override",
    "admin",
)
STREAM_PROTOCOL = "vt600.v1"
_KEY_PROTOCOL = "vt600.key."
_PREFIX = "vt600_"
_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. The scope `admin` contains all others."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the caller has the scope."""
        return scope in self.scopes or "admin" in self.scopes

    def require(self, scope: str) -> None:
        """ApiError `forbidden` when the caller lacks the scope."""
        if not self.may(scope):
            raise ApiError(403, "forbidden", f"This needs an API key with the scope {scope}.")


def new_key() -> str:
    """A fresh random key."""
    return _PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> bytes:
    """What the store keeps of a key. Keys are random and long, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).digest()


class KeyRing:
    """Looks keys up, and remembers the answers for some seconds."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], *, cache_s: float) -> None:
        self._sessions = sessions
        self._cache_s = cache_s
        self._known: dict[bytes, tuple[float, Caller | None]] = {}

    async def caller(self, key: str | None) -> Caller:
        """The owner of the key; ApiError `unauthorized` when it is missing, unknown or revoked."""
        if not key:
            raise ApiError(401, "unauthorized", "This needs an API key: Authorization: Bearer KEY.")
        hashed = key_hash(key)
        until, caller = self._known.get(hashed, (0.0, None))
        if time.monotonic() >= until:
            caller = await self._look_up(hashed)
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[hashed] = (time.monotonic() + self._cache_s, caller)
        if caller is None:
            raise ApiError(401, "unauthorized", "The API key is unknown or revoked.")
        return caller

    async def _look_up(self, hashed: bytes) -> Caller | None:
        query = select(ApiKey).where(ApiKey.key_hash == hashed, ApiKey.revoked_at.is_(None))
        async with self._sessions() as db:
            row = (await db.execute(query)).scalar_one_or_none()
        return None if row is None else Caller(row.name, frozenset(row.scopes))


def key_of(connection: Request | WebSocket) -> str | None:
    """The key that came with a request: bearer token or `X-API-Key`.

    Browsers open WebSockets without headers: there the key may be a query parameter, or, out of sight of access logs, a subprotocol
    `vt600.key.KEY` offered beside `vt600.v1`.
    """
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and token:
        return token.strip()
    if header := connection.headers.get("x-api-key"):
        return header
    if not isinstance(connection, WebSocket):
        return None
    offered = (name for name in connection.scope["subprotocols"] if name.startswith(_KEY_PROTOCOL))
    protocol = next(offered, None)
    return connection.query_params.get("api_key") if protocol is None else protocol.removeprefix(_KEY_PROTOCOL)
