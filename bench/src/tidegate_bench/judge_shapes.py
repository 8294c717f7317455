"""Samples as real metrics have them, for measuring how often a comparison errs. Called by `judge_rates`.

Each shape makes one value at a time from a generator that is given: the same seed gives the same samples.
"""

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from tidegate_metrics_analyzer.comparison import Pair

BURST_CHANCE: Final = 0.2
DRIFT_SHARE: Final = 0.5
MEMORY: Final = 0.6
TAIL: Final = 3.0

Draw = Callable[[Random], float]


class Shape(NamedTuple):
    name: str
    means: str
    pairs: Callable[[Random, float], Iterator[Pair]]
    """Endless pairs, of which the canary's values are so many times larger."""
    keeps_promise: bool = True
    """Whether the pairs are of the kind for which the rates are promised."""


def _independent(draw: Draw) -> Callable[[Random, float], Iterator[Pair]]:
    def pairs(random: Random, factor: float) -> Iterator[Pair]:
        while True:
            yield Pair(draw(random) * factor, draw(random))

    return pairs


def _bursty(random: Random, factor: float) -> Iterator[Pair]:
    """A worse canary has bursts more often, and as large ones."""
    while True:
        canary = random.paretovariate(TAIL) if random.random() < BURST_CHANCE * factor else 0.0
        yield Pair(canary, random.paretovariate(TAIL) if random.random() < BURST_CHANCE else 0.0)


def _drifting(random: Random, factor: float) -> Iterator[Pair]:
    """Both revisions see the same load, which goes up and down by half."""
    moment = random.random() * 100
    while True:
        moment += 1
        load = 1 + DRIFT_SHARE * math.sin(moment / 10)
        yield Pair(load * random.gauss(100, 10) * factor, load * random.gauss(100, 10))


def _remembering(random: Random, factor: float) -> Iterator[Pair]:
    """Each revision's own level wanders: what it was a moment ago, it mostly still is."""
    levels = [random.gauss(0, 1), random.gauss(0, 1)]
    while True:
        fresh = math.sqrt(1 - MEMORY**2)
        levels = [MEMORY * level + fresh * random.gauss(0, 1) for level in levels]
        yield Pair((100 + 10 * levels[0]) * factor, 100 + 10 * levels[1])


SHAPES: Final = (
    Shape("normal", "mean 100, deviation 10", _independent(lambda random: random.gauss(100, 10))),
    Shape("lognormal", "median 100, sigma 0.5", _independent(lambda random: 100 * random.lognormvariate(0, 0.5))),
    Shape("heavy tail", "Pareto, exponent 3", _independent(lambda random: 100 * random.paretovariate(TAIL))),
    Shape("bursty", "80 % zeros, the rest Pareto; a worse one has more bursts", _bursty),
    Shape("drifting load", "normal, under a load that both share", _drifting),
    Shape("with memory", "normal, each value 0.6 correlated with its last", _remembering, keeps_promise=False),
)
