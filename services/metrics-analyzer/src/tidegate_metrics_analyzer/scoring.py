"""Many checks to one score and its verdict, by Kayenta's groups, weights and two limits. Pure; called by `run`.

A check that is missing, for want of data or of time, is never left out of the count. Its group's score lies between
what it were with the check failed and what it were with it passed, and so does the whole. The analysis passes where
even the lower bound reaches the pass score, and fails where even the upper one is below the marginal score. So a check
without data is never worth more than a failed one, and one more failure can never make a verdict better.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tidegate_contracts.rollout import Check
from tidegate_contracts.score import SCORE_MAX, Classification, Score, Scored, ScoredCheck, ScoredGroup, ScoreRule
from tidegate_contracts.validate_score import groups_of, weights
from tidegate_metrics_analyzer import judge
from tidegate_metrics_analyzer.judge import Progress, Verdict

FAILED: Final[frozenset[Classification]] = frozenset({"high", "low"})
MISSING: Final[frozenset[Classification]] = frozenset({"no_data", "error", "undecided"})
VERDICT: Final[dict[ScoreRule, Verdict | None]] = {
    "waiting": None,
    "critical_failed": "fail",
    "too_low": "fail",
    "reached": "pass",
    "marginal": "inconclusive",
    "no_data": "inconclusive",
}
DIGITS: Final = 2
"""As Kayenta rounds, so that thirds of a hundred add up again."""


class Counted(NamedTuple):
    """A score that is asked for, and the checks that it is made of: pod health and templates are no part of it."""

    score: Score
    checks: tuple[Check, ...]


class _Bounds(NamedTuple):
    score: float
    best_score: float


def classify(check: Check, progress: Progress, fault: str | None = None) -> Classification:
    """What the check's own verdict adds to the score."""
    if fault is not None:
        return "error"
    match judge.verdict_of_check(check, progress):
        case "pass":
            return "pass"
        case "fail":
            return judge.side(check, progress)
        case "inconclusive":
            return "error" if judge.is_in_error(check, progress) else "no_data"
    return "undecided"


def scored(counted: Counted, classifications: Sequence[Classification]) -> Scored:
    """The score of checks without a fault, one classification for each, and the rule that decides."""
    score, checks = counted
    found = tuple(
        ScoredCheck(check=check.name, classification=said, criticality=check.criticality, groups=groups_of(check))
        for check, said in zip(checks, classifications, strict=True)
    )
    groups = tuple(_group(name, weight, found) for name, weight in weights(score, checks).items())
    bounds = _bounds(groups, found)
    return Scored(
        score=bounds.score,
        best_score=bounds.best_score,
        pass_score=score.pass_score,
        marginal_score=score.marginal_score,
        rule=_rule(score, bounds, found),
        groups=groups,
        checks=found,
    )


def verdict(found: Scored) -> Verdict | None:
    """None while it can't be said yet."""
    return VERDICT[found.rule]


def reason(found: Scored) -> str:
    """One sentence for people, with the numbers and the checks that made them."""
    if found.rule == "critical_failed":
        return f"the score is 0: critical checks failed: {_named(_critical(found.checks), FAILED)}"
    limits = f"pass at {found.pass_score:g}, marginal at {found.marginal_score:g}"
    parts = [f"the score is {_range(found)} ({limits})"]
    failed, missing = (_named(_counting(found.checks), kinds) for kinds in (FAILED, MISSING))
    parts += [f"failed: {failed}"] if failed else []
    parts += [f"missing: {missing}"] if missing else []
    return "; ".join(parts)


def _group(name: str, weight_percent: float, found: Iterable[ScoredCheck]) -> ScoredGroup:
    kinds = [check.classification for check in _counting(found) if name in check.groups]
    passed = kinds.count("pass")
    return ScoredGroup(
        name=name,
        weight_percent=weight_percent,
        score=round(SCORE_MAX * passed / len(kinds), DIGITS),
        passed=passed,
        failed=sum(kind in FAILED for kind in kinds),
        missing=sum(kind in MISSING for kind in kinds),
    )


def _bounds(groups: Sequence[ScoredGroup], found: Sequence[ScoredCheck]) -> _Bounds:
    critical = {check.classification for check in _critical(found)}
    return _Bounds(
        0.0 if critical & (FAILED | MISSING) else _weighted(groups, [group.passed for group in groups]),
        0.0 if critical & FAILED else _weighted(groups, [group.passed + group.missing for group in groups]),
    )


def _weighted(groups: Sequence[ScoredGroup], passed: Sequence[int]) -> float:
    """The mean of the groups' scores, each with so many checks passed."""
    shares = [
        group.weight_percent * count / (group.passed + group.failed + group.missing)
        for group, count in zip(groups, passed, strict=True)
    ]
    return round(SCORE_MAX * sum(shares) / sum(group.weight_percent for group in groups), DIGITS)


def _rule(score: Score, bounds: _Bounds, found: Sequence[ScoredCheck]) -> ScoreRule:
    """Bad news at once; good news, and doubt, only when no check is left that could still fail."""
    if any(check.classification in FAILED for check in _critical(found)):
        return "critical_failed"
    if bounds.best_score < score.marginal_score:
        return "too_low"
    if any(check.classification == "undecided" for check in _counting(found)):
        return "waiting"
    if bounds.score >= score.pass_score:
        return "reached"
    is_known = bounds.score >= score.marginal_score and bounds.best_score < score.pass_score
    return "marginal" if is_known else "no_data"


def _counting(found: Iterable[ScoredCheck]) -> list[ScoredCheck]:
    return [check for check in found if check.criticality != "muted"]


def _critical(found: Iterable[ScoredCheck]) -> list[ScoredCheck]:
    return [check for check in found if check.criticality == "critical"]


def _named(checks: Iterable[ScoredCheck], kinds: frozenset[Classification]) -> str:
    return ", ".join(
        f"{check.check} ({words(check.classification)})" for check in checks if check.classification in kinds
    )


def words(classification: Classification) -> str:
    return classification.replace("_", " ")


def _range(found: Scored) -> str:
    if found.score == found.best_score:
        return f"{found.score:g}"
    return f"{found.score:g} to {found.best_score:g}"
