"""Seeds one after another, without a search for garbage after every few hundred objects.

What a schedule made goes by itself at its end (`Schedule.part`), so that there is little to find: only what a
violation's traceback or a planted bug keeps. Used by everybody who plays many seeds: `run`, `hunt`, the tests.
"""

import gc
from collections.abc import Iterable, Iterator

SEEDS_PER_SWEEP = 200


def swept(seeds: Iterable[int]) -> Iterator[int]:
    """The seeds as they are; garbage is searched for between them, and now and then."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number, seed in enumerate(seeds, start=1):
            yield seed
            if not number % SEEDS_PER_SWEEP:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
