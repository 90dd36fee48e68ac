import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.database import begin_run, fresh_database, run_server
from tests.support.tcp import TcpServer, machine_programs, run_tcp_server, wheel_programs

_run_folder = pytest.StashKey[Path | None]()


# the same examples in every run, at any speed of the machine; new ones with --hypothesis-profile=searching
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("searching", settings.get_profile("steady"), derandomize=False, max_examples=2_000)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_run_folder] = begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    folder = config.stash.get(_run_folder, None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the run's own Postgres server, whose `postgres` database nobody changes."""
    with run_server() as conninfo:
        yield conninfo


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """The address of a database of the test's own, migrated and empty."""
    with fresh_database(server) as conninfo:
        yield conninfo


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """The address of a database of the test's own in which nothing was made, not even by migrations."""
    with fresh_database(server, template="template1") as conninfo:
        yield conninfo


@pytest.fixture(scope="session", params=["the wheel's", "the machine's"])
def tcp_server(request: pytest.FixtureRequest) -> Iterator[TcpServer]:
    """A server that is reached over TCP, once out of the wheel and once of the machine's packages, where it has one."""
    programs = wheel_programs() if request.param == "the wheel's" else machine_programs()
    if programs is None:
        pytest.skip("there is no server in /usr/lib/postgresql")
    with run_tcp_server(programs) as server:
        yield server


@pytest.fixture
def tcp_database(tcp_server: TcpServer) -> Iterator[str]:
    """The address of a database like `database`, over TCP."""
    with fresh_database(tcp_server.conninfo, cluster=tcp_server.cluster) as conninfo:
        yield conninfo
