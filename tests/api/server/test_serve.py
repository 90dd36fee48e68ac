"""The server around the application: large bodies, logs, a stop, a port in use."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from api.server.socket import CannotListenError, address_of, listen
from tests.api.server.serving import Served, serving

ADMIN = {"authorization": "Bearer admin", "content-type": "application/json"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


def peak_mib(process: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b" " * 65_536


def test_a_body_of_100_mb_is_refused_without_being_kept(served: Served) -> None:
    address, process, _ = served
    body = b" " * 100_000_000
    before = peak_mib(process)
    with httpx.Client(base_url=address, headers=ADMIN, timeout=60) as client:
        assert client.put("/v1/boxes/a", content=body).status_code == 413
        assert client.put("/v1/boxes/a", content=pieces(1600)).status_code == 413
        assert client.put("/v1/boxes/a", json={"name": "A box", "size": "1"}).status_code == 200
    assert peak_mib(process) - before < 60


def test_head_leaves_the_connection_in_step(served: Served) -> None:
    address, *_ = served
    with httpx.Client(base_url=address, headers=ADMIN, timeout=60) as client:
        for path in ("/v1/boxes", "/schema", "/schema/openapi.json", "/v1/boxes/none"):
            headed, shown = client.head(path), client.get(path)
            assert (headed.status_code, headed.content) == (shown.status_code, b"")
            assert headed.headers["content-length"] == shown.headers["content-length"]


def test_a_stop_ends_well_and_the_log_is_lines_of_json(served: Served) -> None:
    address, process, log = served
    with httpx.Client(base_url=address, headers=ADMIN, timeout=60) as client:
        client.put("/v1/boxes/M-7", json={"name": "A box", "size": "1"})
        client.get("/v1/boxes/a%00b%2Fc?after=x")
        client.get("/v1/%ff/%2F/../..//")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    errors = log.read_text()
    lines = [msgspec.json.decode(line) for line in errors.splitlines()]
    assert [line["status"] for line in lines] == [200, 422, 404]
    assert lines[0]["principal"] == "the admin"
    assert "M-7" not in errors


def test_a_port_in_use_is_said_to_be() -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(CannotListenError, match=r"in use.*--port"):
            listen("127.0.0.1", port)


def test_an_address_that_is_not_here() -> None:
    with pytest.raises(CannotListenError, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)
