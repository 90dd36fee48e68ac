"""Serving HTTP: the server around the application, and a stop that lets open requests end."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import uvicorn

import backoffice.routes as backoffice
from api.http.metrics import log
from api.http.services import RunningProgram
from api.routes import ROUTES
from api.server.app import Laurel, create_app
from api.server.collector import collect_seldom
from api.server.connections import Connections, as_files_allow
from api.server.wiring import in_background, running
from application.service.keys import list_keys
from application.service.settings import Settings
from demo import program as demo

KEEP_ALIVE_SECONDS = 30
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """Stops on a signal without raising it again, which would end the process before what it owns is stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)


async def answer_requests(app: Laurel, listener: socket.socket, stop_seconds: int) -> None:
    """Answer requests until a signal to stop comes; open ones then have `stop_seconds` to end."""
    connections = Connections(app.metrics, as_files_allow())
    config = uvicorn.Config(
        app,
        http=cast(Any, connections.open),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        callback_notify=connections.look,
        timeout_notify=0,
        timeout_graceful_shutdown=stop_seconds,
    )
    collect_seldom()
    await _Server(config).serve(sockets=[listener])


async def serve(settings: Settings, listener: socket.socket, *, works: bool) -> None:
    """Run the program and answer requests on `listener` until a signal to stop comes."""
    async with running(settings, works=works) as program:
        if not settings.admin_key and not await list_keys(program.reads.pool):
            log.warning("there is no API key yet; `laurel keys make NAME --role admin` makes one")
        await _answer(program, listener)


async def _answer(program: RunningProgram, listener: socket.socket) -> None:
    app = create_app(program, ROUTES, backoffice.routes(program))
    await answer_requests(app, listener, program.settings.stop_seconds)


async def show_demo(settings: Settings, listener: socket.socket, opened: Callable[[], None]) -> None:
    """Serve the demo's program, its history played and facts coming in; `opened` is told when it can be looked at."""
    async with running(settings, works=True) as program:
        assert program.sandbox  # noqa: S101  the demo's settings ask for one
        assert program.due  # noqa: S101
        shown = demo.DemoProgram(program.commands.writer, program.sandbox, program.due, settings.time_zone)
        await demo.seed(shown, datetime.now(UTC))
        await program.sandbox.reset()
        opened()
        async with in_background(demo.live(shown), "laurel demo"):
            await _answer(program, listener)


async def work(settings: Settings) -> None:
    """Run what goes on by itself, without answering requests, until a signal to stop comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(settings, works=True):
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, stopped.set)
        collect_seldom()
        await stopped.wait()
