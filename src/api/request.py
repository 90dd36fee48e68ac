"""The request our handlers see: exact bodies, and what the frame has found out about the request before them."""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast

from litestar import Request as LitestarRequest
from litestar.types import Empty
from msgspec import Struct

from api.positions import write_position
from api.problems import ProblemError, bad_parameter
from api.services import Exchange, Services
from application.exact import decode
from application.keys import Principal
from application.preconditions import Precondition

_ETAG = re.compile(r'"([0-9]{1,9})"', re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}", re.ASCII)


class IdempotencyKey(Struct, frozen=True, gc=False):
    """`key` is the caller's; `digest` covers the caller, method, path, query and body that came with it."""

    key: str
    digest: bytes


class Request(LitestarRequest[Any, Any, Any]):
    """A request of `/v1`."""

    __slots__ = ()

    @property
    def exchange(self) -> Exchange:
        return cast(Exchange, cast(Any, self.scope)["exchange"])

    @property
    def services(self) -> Services:
        return self.exchange.services

    @property
    def principal(self) -> Principal:
        principal = self.exchange.principal
        if principal is None:
            raise ProblemError("unauthenticated", "This needs an API key")
        return principal

    @property
    def position(self) -> str:
        """The position that what is read has reached at least; for the `position` of a list."""
        return write_position(self.exchange.position)

    def committed(self, position: int) -> str:
        """State in the answer's headers that a command was committed at `position`; returns it for the body."""
        self.exchange.position = position
        return write_position(position)

    def versioned(self, version: int) -> None:
        """State the version of the definition that is answered, as its `ETag`."""
        self.exchange.headers.append((b"etag", b'"%d"' % version))

    def header(self, name: bytes) -> str | None:
        """The value of a header, its name in lower case; None when it was not sent."""
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == name), None)

    async def json(self) -> Any:  # noqa: ANN401  what the handler's `data` is annotated with
        """The body as the type that the handler's `data` is annotated with, decoded exactly."""
        content_type = self.header(b"content-type")
        if content_type is None or not _is_json(content_type):
            raise ProblemError("unsupported-media-type", "Send the body with Content-Type: application/json")
        if self._json is Empty:
            field = self.route_handler.parsed_data_field
            self._json = decode(field.annotation if field else Any, await self.body())
        return self._json

    def precondition(self) -> Precondition:
        """What `If-Match` and `If-None-Match` say about the version that was seen."""
        match, none_match = self.header(b"if-match"), self.header(b"if-none-match")
        if none_match is not None and none_match.strip() != "*":
            raise bad_parameter("If-None-Match", "must be *", "etag")
        if match is None:
            return Precondition(absent=none_match is not None)
        if match.strip() == "*":
            return Precondition(exists=True)
        found = [_ETAG.fullmatch(part.strip()) for part in match.split(",")[:20]]
        if not all(found):
            raise bad_parameter("If-Match", 'must be the ETag that was read, such as "3" with its quotes', "etag")
        return Precondition(versions=frozenset(int(part[1]) for part in found if part))

    async def idempotency_key(self) -> IdempotencyKey | None:
        """The caller's `Idempotency-Key` with a digest of the request it came with; None when there is none."""
        key = self.header(b"idempotency-key")
        if key is None:
            return None
        if not _IDEMPOTENCY_KEY.fullmatch(key):
            raise bad_parameter("Idempotency-Key", "must be 1 to 200 printable ASCII characters without spaces")
        digest = sha256()
        for part in (self.principal.id, self.scope["method"], self.scope["path"]):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\n")
        digest.update(self.scope["query_string"] + b"\n" + await self.body())
        return IdempotencyKey(key, digest.digest())


@lru_cache(64)
def _is_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2]
    return media_type.strip() == "application/json" and charset in ("", "utf-8", "utf8")
