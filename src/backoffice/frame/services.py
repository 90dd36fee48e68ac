"""What the pages work with, injected by whoever wires the program."""

from typing import Protocol

from psycopg_pool import AsyncConnectionPool

from application.log.mapper import Mapper
from application.service.clock import Clock
from application.service.keys import KeyVerifier
from application.service.settings import Settings


class PageServices(Protocol):
    """`pool` has connections to read with, which commit each statement by itself."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def keys(self) -> KeyVerifier: ...
    @property
    def pool(self) -> AsyncConnectionPool: ...
    @property
    def mapper(self) -> Mapper: ...
