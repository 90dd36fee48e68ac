"""Python's collector of cycles, which what facts are made of leaves nothing to do."""

import gc

COLLECTED_OBJECTS = 50_000
"""How many more objects than before make it look."""


def collect_seldom() -> None:
    """To be called once a program has started: what is there stays, and is not walked again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_OBJECTS)
