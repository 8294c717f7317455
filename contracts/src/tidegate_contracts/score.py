"""One score out of many checks, as an analysis asks for it and as its evidence tells it: plain data.

The rule is Kayenta's: checks stand in groups, groups have weights, and the weighted share of checks that passed is held
against two limits. `validate_score` says what is wrong with one, the metrics-analyzer counts.
"""

from typing import Final, Literal

import msgspec

Criticality = Literal["normal", "critical", "muted"]
"""critical: no score makes up for its failing. muted: measured and told of, and counted nowhere."""

Classification = Literal["pass", "high", "low", "no_data", "error", "undecided"]
"""What one check adds. high and low: it failed, by values on that side of its range or of the stable's. error: it can't
be measured at all."""

ScoreRule = Literal["waiting", "critical_failed", "too_low", "reached", "marginal", "no_data"]
"""What decided. too_low: below the marginal score, whatever is still missing. no_data: what is missing could turn the
verdict either way."""

DEFAULT_GROUP: Final = "default"
"""Of a check that names none."""

SCORE_MAX: Final = 100.0


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """At `pass_score` the analysis passes, below `marginal_score` it fails, and between them it is inconclusive."""

    pass_score: float = 95.0
    marginal_score: float = 75.0
    weights: dict[str, float] = {}
    """Percent of the whole by group; groups that are left out share what is left equally."""


class ScoredGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The checks of one group that count, and the share of them that passed."""

    name: str
    weight_percent: float
    score: float
    """0 to 100, with every check that is missing counted as failed."""
    passed: int
    failed: int
    missing: int
    """Without data, or not decided yet."""


class ScoredCheck(msgspec.Struct, frozen=True, kw_only=True):
    check: str
    classification: Classification
    criticality: Criticality = "normal"
    groups: tuple[str, ...] = ()


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """How a score came about, and the rule that decided."""

    score: float
    """0 to 100, with every check that is missing counted as failed."""
    best_score: float
    """The same, with every check that is missing counted as passed: the truth lies between the two."""
    pass_score: float
    marginal_score: float
    rule: ScoreRule
    groups: tuple[ScoredGroup, ...] = ()
    checks: tuple[ScoredCheck, ...] = ()
