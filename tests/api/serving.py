"""Serves the frame's own program on a free port, as a process of its own, until it is told to stop."""

import uvloop

from api.listening import address_of, listen
from api.observation import configure_logs
from api.serve import answer_requests
from application.settings import LogFormat, LogLevel
from tests.api.frame import framed

if __name__ == "__main__":
    configure_logs(LogFormat.JSON, LogLevel.INFO)
    with listen("127.0.0.1", 0) as listener:
        print(address_of(listener), flush=True)  # noqa: T201  the test reads it
        uvloop.run(answer_requests(framed(), listener, 5))
