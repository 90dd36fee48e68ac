"""Every benchmark beside its reference in the same run, as one table.

python -m benchmarks
"""

import sys

from benchmarks import (
    achievements,
    append,
    awards,
    campaigns,
    catch_up,
    decisions,
    evaluation,
    facts,
    growth,
    latency,
    simulation,
)
from benchmarks.figures import HEADER

BENCHMARKS = (
    append,
    facts,
    achievements,
    catch_up,
    evaluation,
    awards,
    latency,
    campaigns,
    decisions,
    growth,
    simulation,
)


def main() -> int:
    print(HEADER, flush=True)
    reached = True
    for benchmark in BENCHMARKS:
        for figure in benchmark.run():
            print(figure.row(), flush=True)
            reached &= figure.reached
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
