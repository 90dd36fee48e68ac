"""Serves the demo with a thin history on a free port, as a process of its own, until it is told to stop.

`python -m tests.backoffice.serving DATABASE_URL` prints the link that signs in once there is something to look at.
"""

import sys

import uvloop

from api.http.metrics import configure_logs
from api.server.serve import show_demo
from api.server.socket import address_of, listen
from application.service.settings import LogFormat, LogLevel, load
from demo import program as demo
from tests.backoffice.pages import ADMIN_KEY


def thin_out() -> None:
    """Fewer members and facts, so that the history is played in a few seconds."""
    for name, value in (("MEMBERS", 24), ("FACTS_A_DAY", 8), ("FLASH_FACTS_A_MINUTE", 30)):
        setattr(demo, name, value)


if __name__ == "__main__":
    thin_out()
    flags = {"database_url": sys.argv[1], "admin_key": ADMIN_KEY, "sandbox": "true"}
    settings = load(flags, {}).settings
    configure_logs(LogFormat.CONSOLE, LogLevel.WARNING)
    with listen("127.0.0.1", 0) as listener:
        link = f"{address_of(listener)}/sign-in#{ADMIN_KEY}"
        uvloop.run(show_demo(settings, listener, lambda: print(link, flush=True)))  # noqa: T201  the test reads it
