"""The request our handlers see: exact bodies, and what the frame has found out about the request before them."""

import re
from collections.abc import AsyncIterator
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast
from urllib.parse import SplitResult

from litestar import Request as LitestarRequest
from litestar.connection.base import empty_receive, empty_send
from litestar.datastructures import URL
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Empty
from msgspec import Struct

from api.http.positions import write_position
from api.http.problems import ProblemError, bad_parameter
from api.http.routing import terms_of
from api.http.services import Exchange, RunningProgram, Services
from application.bodies.exact import Misread, decode
from application.bodies.remainder import remainder_of
from application.log.working import Command
from application.service.keys import Principal
from application.service.preconditions import Precondition

_ETAG = re.compile(r'"([0-9]{1,9})"', re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}", re.ASCII)


class IdempotencyKey(Struct, frozen=True, gc=False):
    """`key` is the caller's; `digest` covers the caller, method, path, query and body that came with it."""

    key: str
    digest: bytes


class Request(LitestarRequest[Any, Any, Any]):
    """A request of `/v1`."""

    __slots__ = ("exchange",)

    exchange: Exchange

    def __init__(self, scope: Any, receive: Any = empty_receive, send: Any = empty_send) -> None:  # noqa: ANN401  as Litestar's
        super().__init__(scope, receive, send)
        self.exchange = scope["exchange"]

    @property
    def url(self) -> URL:
        """Without the host, which may be anything: the library, which says with it what is wrong, fails on some."""
        return URL(SplitResult("", "", self.scope["path"], self.scope["query_string"].decode("latin-1"), ""))

    @property
    def services(self) -> Services:
        return self.exchange.services

    @property
    def program(self) -> RunningProgram:
        """The services, for routes that only a whole program has."""
        return cast(RunningProgram, self.services)

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
        exchange = self.exchange
        if exchange.sent is None:
            exchange.sent = dict(self.scope["headers"])
        value = exchange.sent.get(name)
        return None if value is None else value.decode("latin-1")

    def media_type(self) -> str:
        """The media type of the body, which is one of those the route takes; a problem when it is not."""
        content_type = self.header(b"content-type") or ""
        terms = terms_of(self.route_handler)
        allowed = terms.takes.media_types if terms else ()
        media_type = _media_type(content_type)
        if media_type is None or media_type not in allowed:
            raise ProblemError("unsupported-media-type", f"Send the body with Content-Type: {' or '.join(allowed)}")
        return media_type

    async def body(self) -> bytes:
        """The whole body, within the route's limit."""
        if self._body is Empty:
            pieces = [piece async for piece in self.pieces()]
            self._body = self._connection_state.body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return self._body

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives, within the route's limit: what is over it is never kept."""
        limit = self._body_limit()
        announced = self.header(b"content-length") or "0"
        size = int(announced) if len(announced) < 18 and announced.isdigit() else 0
        if size > limit:
            raise self._too_large(limit)
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] != "http.request":
                raise ProblemError("malformed", "The client went away before the body was whole")
            piece = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(piece)
            if size > limit:
                raise self._too_large(limit)
            yield piece

    def _body_limit(self) -> int:
        settings = self.services.settings
        terms = terms_of(self.route_handler)
        if terms is None:
            of_page = self.route_handler.request_max_body_size
            return of_page if isinstance(of_page, int) else settings.body_limit
        if terms.takes.imports:
            return settings.import_limit
        return terms.takes.limit or settings.body_limit

    def _too_large(self, limit: int) -> Exception:
        detail = f"The body may have at most {limit} bytes"
        # of a page, whose router has its own way of saying so
        return ProblemError("too-large", detail) if terms_of(self.route_handler) else RequestEntityTooLarge(detail)

    async def json(self) -> Any:  # noqa: ANN401  what the handler's `data` is annotated with
        """The body as the type that the handler's `data` is annotated with, decoded exactly.

        What a GET of the same definition computes is ignored, so that its answer can be sent back.
        """
        if self._json is Empty:
            self.media_type()
            handler = self.route_handler
            field = handler.parsed_data_field
            try:
                self._json = decode(field.annotation if field else Any, await self.body(), handler.opt["computed"])
            except Misread as misread:
                self._json = self._remainder(misread)
        return self._json

    def _remainder(self, misread: Misread[Any]) -> Any:  # noqa: ANN401  as above
        """What is left of the body, where the route judges it; raises the misreading where it does not."""
        terms = terms_of(self.route_handler)
        remainder = remainder_of(misread) if terms and terms.takes.judged else None
        if remainder is None:
            raise misread
        self.exchange.remainder = remainder
        return remainder.body

    def judging(self, command: Command) -> Command:
        """The command; of a body that is partly wrong, one that is refused, for all that is."""
        remainder = self.exchange.remainder
        return command if remainder is None else remainder.judging(command)

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

    def idempotency_header(self) -> str | None:
        """The caller's `Idempotency-Key`; None when there is none."""
        key = self.header(b"idempotency-key")
        if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
            raise bad_parameter("Idempotency-Key", "must be 1 to 200 printable ASCII characters without spaces")
        return key

    async def idempotency_key(self) -> IdempotencyKey | None:
        """The caller's `Idempotency-Key` with a digest of the request it came with; None when there is none."""
        key = self.idempotency_header()
        if key is None:
            return None
        digest = sha256()
        for part in (self.principal.id, self.scope["method"], self.scope["path"]):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\n")
        digest.update(self.scope["query_string"] + b"\n" + await self.body())
        return IdempotencyKey(key, digest.digest())


@lru_cache(64)
def _media_type(content_type: str) -> str | None:
    """The media type that a header names in lower case; None for a character set that is not UTF-8."""
    media_type, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "").partition("charset=")[2]
    return media_type.strip() if charset in ("", "utf-8", "utf8") else None
