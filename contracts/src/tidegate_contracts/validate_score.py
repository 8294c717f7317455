"""What is wrong with an analysis' score: its limits, its weights, and whatever would count for nothing.

Called by `validate_analysis`. Weights always come to 100 percent of checks that are there, so that a pass can be
reached and no group counts for nothing, or for less.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Analysis, Check
from tidegate_contracts.score import DEFAULT_GROUP, SCORE_MAX, Score

WEIGHTS_OFF_PERCENT_MAX: Final = 0.01
"""Thirds that were written out don't come to a hundred exactly."""


def score_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    for index, check in enumerate(analysis.checks):
        yield from _check(f"{field}.checks[{index}]", check, counts=analysis.score is not None)
    if analysis.score is not None:
        yield from _limits(f"{field}.score", analysis.score)
        yield from _groups(f"{field}.score", analysis.score, analysis.checks)


def groups_of(check: Check) -> tuple[str, ...]:
    return check.groups or (DEFAULT_GROUP,)


def weights(score: Score, checks: tuple[Check, ...]) -> Mapping[str, float]:
    """Percent by group, of each group that has a check that counts, in the order of the checks."""
    counted = dict.fromkeys(group for check in checks if check.criticality != "muted" for group in groups_of(check))
    unnamed = [group for group in counted if group not in score.weights]
    left = SCORE_MAX - sum(score.weights.values())
    return {group: score.weights.get(group, left / max(len(unnamed), 1)) for group in counted}


def _check(field: str, check: Check, *, counts: bool) -> Iterator[Problem]:
    if not counts:
        if check.groups:
            yield _needs_score(f"{field}.groups", ", ".join(check.groups))
        if check.criticality != "normal":
            yield _needs_score(f"{field}.criticality", check.criticality)
        return
    if check.dry_run:
        rule = "left out where the analysis has a score"
        yield problem(f"{field}.dry_run", "true", rule, "Mute it: criticality: muted.")
    if len(check.groups) > limits.GROUPS_PER_CHECK_MAX or len(set(check.groups)) < len(check.groups):
        rule = f"at most {limits.GROUPS_PER_CHECK_MAX} different groups"
        yield problem(f"{field}.groups", ", ".join(check.groups), rule, "Leave some out.")
    for group in check.groups:
        if not names.is_label(group):
            yield problem(f"{field}.groups", group, names.LABEL_RULE, "Choose another name.")


def _needs_score(field: str, value: str) -> Problem:
    rule = "left out where the analysis has no score: each check is critical there"
    return problem(field, value, rule, "Give the analysis a score, or leave it out.")


def _limits(field: str, score: Score) -> Iterator[Problem]:
    if not 0 < score.pass_score <= SCORE_MAX:
        yield problem(f"{field}.pass_score", score.pass_score, "above 0, to 100", "Give a score in that range.")
    if not 0 <= score.marginal_score <= score.pass_score:
        rule = "0 to the pass_score"
        yield problem(f"{field}.marginal_score", score.marginal_score, rule, "Give a score in that range.")


def _groups(field: str, score: Score, checks: tuple[Check, ...]) -> Iterator[Problem]:
    found = weights(score, checks)
    if not found:
        yield problem(field, "{}", "given with checks that count", "Give checks that are not muted.")
        return
    if len(found) > limits.GROUPS_MAX:
        yield problem(f"{field}.weights", f"{len(found)} groups", f"at most {limits.GROUPS_MAX}", "Use fewer groups.")
    for group, weight in score.weights.items():
        if group not in found:
            rule = "a group of a check that counts"
            yield problem(f"{field}.weights", group, rule, f"Name one of {', '.join(found)}, or leave it out.")
        if not 0 < weight <= SCORE_MAX:
            yield problem(f"{field}.weights.{group}", weight, "above 0, to 100", "Give a percentage.")
    yield from _sum(field, score, found)


def _sum(field: str, score: Score, found: Mapping[str, float]) -> Iterator[Problem]:
    said = sum(score.weights.values())
    unnamed = [group for group in found if group not in score.weights]
    if unnamed and said > SCORE_MAX - WEIGHTS_OFF_PERCENT_MAX:
        rule = f"less than 100 in all, so that something is left for {', '.join(unnamed)}"
        yield problem(f"{field}.weights", f"{said:g} in all", rule, "Give these groups a weight, or others less.")
    elif not unnamed and not abs(said - SCORE_MAX) <= WEIGHTS_OFF_PERCENT_MAX:
        rule = "100 in all where each group has a weight"
        yield problem(f"{field}.weights", f"{said:g} in all", rule, "Change them, or leave one group's weight out.")
