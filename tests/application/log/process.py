"""A program that writes to a log until its input ends: `python -m tests.application.log.process DATABASE NAME`.

It decides whatever it can while another batch is being written. It counts on counters of its own and on some that all
share, and prints each answer as it comes: `position counter`.
"""

import asyncio
import sys

import uvloop

from application.log import writer as writers
from application.log.catalogue import NoCatalogue
from application.log.writer import Writer
from tests.application.log.shop import MAPPER, counting

SHARED = 3
CLIENTS = 8


async def main(database: str, name: str) -> None:
    writers.AHEAD_COMMANDS = 1
    writer = Writer(database, MAPPER, NoCatalogue())
    await writer.start()
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def client(number: int) -> None:
        counters = [f"{name}-{number}", f"shared-{number % SHARED}"]
        done = 0
        while not over.done():
            counter = counters[done % 2]
            position, _ = await writer.submit(counting(counter))
            sys.stdout.write(f"{position} {counter}\n")
            sys.stdout.flush()
            done += 1

    await asyncio.gather(*[client(number) for number in range(CLIENTS)])
    await writer.stop()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:3]))
