"""Connections: what a client may take of the service before, while and after its request is handled.

The server below reads heads of any size, for as long as a client likes, on as many connections as there are files; its
own limit of connections counts those that ask nothing, and would refuse the checks of health with everybody else.
Here each of these has a bound. Time is looked at once a second for all connections together, so a request pays nothing.
"""

import resource
from enum import Enum
from heapq import nlargest
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.metrics import UNMATCHED, Metrics, log
from api.http.problems import MEDIA_TYPE, ProblemError

HEAD_BYTES = 65_536
LONGEST_URL = 32_768
"""In bytes; the parser below counts places in a URL with 16 bits."""
MOST_HEADERS = 100

BODY_RATE = 1_000
"""So many bytes of a body a client sends in a second; one that sends less uses up its patience."""

MOST_CONNECTIONS = 2_000
ROOM = 20
"""One connection of so many is kept for those who are told that there is no room, and for checks of health."""
OTHER_FILES = 200
"""Open files that are no connections: of the database, of imports, of the program itself."""

HEALTH = b"/health/"


class Wait(Enum):
    """What a client can let us wait for, and for how many seconds."""

    HEAD = 10
    BODY = 20
    ANSWER = 30
    FAREWELL = 2


class Connections:
    """All connections of one process, `most` at once."""

    def __init__(self, metrics: Metrics, most: int = MOST_CONNECTIONS) -> None:
        self._metrics = metrics
        self._most = most
        self._room = most // ROOM + 1
        self.most_answered = most - self._room
        self._open: set[ClientConnection] = set()
        self._leaving = 0

    def open(self, **server: Any) -> "ClientConnection":  # noqa: ANN401  what the server makes a protocol of
        return ClientConnection(self, **server)

    async def look(self) -> None:
        """Called once a second: end the connections whose clients have let us wait too long."""
        for connection in list(self._open):
            connection.look()

    def admit(self, newcomer: "ClientConnection") -> None:
        """Where there are too many, those that let us wait longest make room; many at once, as it takes a while."""
        self._open.add(newcomer)
        self._metrics.open_connections = len(self._open)
        if len(self._open) - self._leaving <= self._most:
            return
        idle = [connection for connection in self._open if connection.is_idle and connection is not newcomer]
        for connection in nlargest(self._room, idle, key=lambda each: each.waited) or [newcomer]:
            self._leaving += 1
            connection.leave()

    def lost(self, connection: "ClientConnection") -> None:
        self._open.discard(connection)
        self._metrics.open_connections = len(self._open)
        self._leaving -= connection.leaving

    def refused(self, problem: ProblemError) -> None:
        """Observe a request that no application has seen."""
        status = problem.type.status
        self._metrics.answered("", UNMATCHED, status, 0.0)
        log.info("refused", status=status, problem=problem.type.name, detail=problem.detail)


class ClientConnection(HttpToolsProtocol):
    """One connection. What it refuses, it answers with a problem, and hears the client out before it closes."""

    def __init__(self, connections: Connections, **server: Any) -> None:  # noqa: ANN401  as the server calls it
        super().__init__(**server)
        self.leaving = False
        self.waited = 0
        """For how many seconds already."""
        self._connections = connections
        self._refused = False
        self._wait: Wait | None = None
        self._held = 0
        """Bytes that came and that nothing has come of yet: part of a head, or of what frames a body."""
        self._arrived = 0
        """Bytes of a body since it was last looked at."""
        self._unsent = 0
        self.url = b""
        self.headers = []

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401  as above
        super().connection_made(transport)
        self._connections.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        self._held += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._feed_plain(data[upgrade.args[0] :])
            if self._held:
                self._check_head()
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, ProblemError) else _malformed())
        except ProblemError as problem:
            self._refuse(problem)

    def _feed_plain(self, rest: bytes) -> None:
        """A request that offers another protocol is answered in this one: its head is read again without the offer.

        For the parser an offer ends this protocol: it would skip the body, which some clients send with each offer.
        """
        while True:
            kept = [header for header in self.headers if header[0] != b"upgrade"]
            if len(kept) == len(self.headers):
                raise _malformed()
            asked = self.parser.get_method(), self.url, self.parser.get_http_version().encode()
            head = b"%b %b HTTP/%b\r\n%b\r\n" % (*asked, b"".join(b"%b: %b\r\n" % header for header in kept))
            self.parser = httptools.HttpRequestParser(self)
            try:
                self.parser.feed_data(head + rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = (head + rest)[upgrade.args[0] :]
            else:
                return

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if self._held > HEAD_BYTES:
            # what came with the head may be a body, so the head itself is measured
            self._held = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._check_head()
        if len(self.tasks) >= self._connections.most_answered and not self.url.startswith(HEALTH):
            detail = "As many requests as this process takes are being answered"
            raise ProblemError("unavailable", detail, code="full", headers={"Retry-After": "1"})
        self._held = self.waited = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._held = 0
        self._arrived += len(body)
        super().on_body(body)

    def _check_head(self) -> None:
        """Of a head, as far as it has come; and of what comes in the place of one where a body should go on."""
        url = len(self.url) > LONGEST_URL
        if not url and self._held <= HEAD_BYTES and len(self.headers) <= MOST_HEADERS:
            return
        if not self._is_in_head:
            raise _malformed()
        if url:
            raise ProblemError("url-too-long", f"The URL may have at most {LONGEST_URL} bytes")
        detail = f"A request's headers may have at most {HEAD_BYTES} bytes and be at most {MOST_HEADERS}"
        raise ProblemError("headers-too-large", detail)

    @property
    def _is_in_head(self) -> bool:
        """Whether a request has begun whose head is not known whole."""
        return self.scope is not None and (self.cycle is None or self.scope is not self.cycle.scope)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered here."""
        return not (self.leaving or self._is_answering)

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.disconnected

    def leave(self) -> None:
        """Close, to make room for others."""
        self.leaving = True
        self.transport.close()

    def look(self) -> None:
        """A second has passed."""
        arrived, self._arrived = self._arrived, 0
        unsent, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        wait = self._waits_for()
        if wait is not self._wait:
            self._wait, self.waited = wait, 0
        if wait is None:
            return
        self.waited += 1
        if wait is Wait.BODY:
            self.waited -= min(self.waited, arrived // BODY_RATE)
        elif wait is Wait.ANSWER and unsent != self._unsent:
            self.waited = 0
        if self.waited > wait.value:
            self._give_up(wait)

    def _waits_for(self) -> Wait | None:
        """What the client lets us wait for; None while it waits for us, or may be silent as it has been answered."""
        if self._refused and not self._is_answering:
            return Wait.FAREWELL
        if self._unsent:
            return Wait.ANSWER
        if not self._is_answering:
            return Wait.HEAD if self.timeout_keep_alive_task is None else None
        lacks_body = self.cycle.more_body and not self.flow.read_paused and not self.cycle.waiting_for_100_continue
        return Wait.BODY if lacks_body else None

    def _give_up(self, wait: Wait) -> None:
        if wait is Wait.BODY:
            detail = f"The body came at less than {BODY_RATE} bytes a second for {wait.value} s"
            self._refuse(ProblemError("too-slow", detail))
        elif wait is Wait.HEAD and self._is_in_head:
            self._refuse(ProblemError("too-slow", f"The head of the request was not whole within {wait.value} s"))
        elif wait is Wait.HEAD:
            self.transport.close()
        else:
            self.transport.abort()

    def _refuse(self, problem: ProblemError) -> None:
        """Answer and close; where an answer is under way already, close when it has been given."""
        self._refused = True
        self._connections.refused(problem)
        if self._is_answering:
            if not self.cycle.more_body:
                self.cycle.keep_alive = False
                return
            if self.cycle.response_started or self.pipeline:
                self.transport.close()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(self._answer(problem))
        # what is closed while it receives is reset, and its answer may go unread: the client closes, or `look` does
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _answer(self, problem: ProblemError) -> bytes:
        body = msgspec.json.encode(problem.details())
        headers = [
            *self.server_state.default_headers,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in problem.headers.items()),
        ]
        lines = [b"%b: %b\r\n" % header for header in headers]
        return b"".join([STATUS_LINE[problem.type.status], *lines, b"\r\n", body])


def _malformed() -> ProblemError:
    return ProblemError("malformed", "This is not a request of HTTP/1.1")


def as_files_allow(most: int = MOST_CONNECTIONS) -> int:
    """So many connections, or as many as this process may have files open, which is raised as far as need be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = most + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        most = max(soft - OTHER_FILES, ROOM)
    return most
