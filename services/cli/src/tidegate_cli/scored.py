"""A score's evidence as lines for people: the rule, each group and what each check added. Pure; called by `draw`."""

from collections.abc import Iterator

from tidegate_contracts.score import Scored, ScoredCheck, ScoredGroup

_RULES = {
    "waiting": "nothing yet",
    "critical_failed": "a critical check that failed",
    "too_low": "a score that can't be marginal any more",
    "reached": "a score that is high enough",
    "marginal": "a score between both limits",
    "no_data": "what is missing, which could turn it either way",
}


def lines(scored: Scored) -> Iterator[str]:
    best = "" if scored.best_score == scored.score else f" to {scored.best_score:g}"
    limits = f"pass at {scored.pass_score:g}, marginal at {scored.marginal_score:g}"
    yield f"score {scored.score:g}{best} ({limits}); decided by {_RULES.get(scored.rule, scored.rule)}"
    for group in scored.groups:
        yield f"  group {group.name}: {_group(group)}: {_checks(scored, group.name)}"
    if muted := [check for check in scored.checks if check.criticality == "muted"]:
        yield f"  not counted: {', '.join(map(_check, muted))}"


def _group(group: ScoredGroup) -> str:
    missing = f", {group.missing} missing" if group.missing else ""
    counts = f"{group.passed} passed, {group.failed} failed{missing}"
    return f"weight {group.weight_percent:.4g} %, score {group.score:g} ({counts})"


def _checks(scored: Scored, group: str) -> str:
    return ", ".join(_check(check) for check in scored.checks if group in check.groups and check.criticality != "muted")


def _check(check: ScoredCheck) -> str:
    critical = ", critical" if check.criticality == "critical" else ""
    return f"{check.check} ({check.classification.replace('_', ' ')}{critical})"
