"""`python -m tests.projections.follow CONNINFO`: a process that follows until it is killed."""

import sys
import time

from projections.engine.follower import Follower
from projections.registry import PROJECTIONS
from tests.projections.history import MAPPER

if __name__ == "__main__":
    follower = Follower(sys.argv[1], MAPPER, PROJECTIONS)
    follower.start()
    while True:
        if follower.leads:
            sys.stdout.write("leads\n")
            sys.stdout.flush()
            break
        time.sleep(0.01)
    time.sleep(600)
