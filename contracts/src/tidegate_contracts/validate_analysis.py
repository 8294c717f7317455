"""What is wrong with an analysis: its checks, its limits, and whether it can end in time. Called by `validate`."""

import re
from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import QUERY_VARIABLES, Analysis, Check, PodHealth
from tidegate_contracts.validate_built_in import built_in_problems
from tidegate_contracts.validate_comparison import comparison_problems
from tidegate_contracts.validate_comparison import shortest_s as comparison_shortest_s
from tidegate_contracts.validate_outside import outside_problems
from tidegate_contracts.validate_score import score_problems
from tidegate_contracts.validate_templates import template_problems

_VARIABLE: Final = re.compile(r"\{\{([^{}]*)\}\}")
_SAMPLES_MAX: Final = 1e12
_PERCENT_MAX: Final = 100.0


def analysis_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    if not any((analysis.checks, analysis.pod_health, analysis.templates, analysis.verdicts, analysis.alerts)):
        rule = "a check, pod_health, a template, a verdict or an alert"
        yield problem(field, "{}", rule, "Say what to check, or leave it out.")
    if len(analysis.checks) > limits.CHECKS_MAX:
        yield problem(f"{field}.checks", len(analysis.checks), f"at most {limits.CHECKS_MAX}", "Give fewer.")
    if analysis.pod_health is not None:
        yield from _pod_health(f"{field}.pod_health", analysis.pod_health)
    seen: set[str] = set()
    for index, check in enumerate(analysis.checks):
        at = f"{field}.checks[{index}]"
        yield from _check(at, check)
        if check.name in seen:
            yield problem(f"{at}.name", check.name, "a name of its own", "Choose another.")
        seen.add(check.name)
    yield from template_problems(field, analysis)
    yield from outside_problems(field, analysis)
    yield from score_problems(field, analysis)
    yield from _consequence_problems(field, analysis)


def _consequence_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    yield from duration_problems(f"{field}.answer_within_s", analysis.answer_within_s, least=0.0)
    if analysis.answer_within_s and analysis.on_inconclusive == "pause":
        rule = "given only where on_inconclusive is roll_back: a pause waits for ever"
        yield problem(f"{field}.answer_within_s", analysis.answer_within_s, rule, "Leave it out, or roll back then.")


def length_problems(field: str, analysis: Analysis, deadline_s: float, deadline: str) -> Iterator[Problem]:
    """An analysis that could not pass by the time that the field `deadline` says."""
    for index, check in enumerate(analysis.checks):
        if check.compare is not None:
            shortest_s = comparison_shortest_s(check, check.compare)
        else:
            shortest_s = check.initial_delay_s + (check.count - 1) * check.interval_s
        if shortest_s > deadline_s:
            rule = f"able to pass within {deadline} ({deadline_s:g} s)"
            remedy = "Measure fewer times, more often, or for longer."
            yield problem(f"{field}.checks[{index}]", f"takes {shortest_s:g} s at least", rule, remedy)


def duration_problems(
    field: str, value: float, *, least: float, most: float = limits.DURATION_S_MAX
) -> Iterator[Problem]:
    if not least <= value <= most:
        yield problem(field, value, f"{least:g} to {most:g} seconds", "Give a duration in that range.")


def _pod_health(field: str, health: PodHealth) -> Iterator[Problem]:
    if not 0 <= health.restarts_maximum <= limits.COUNT_MAX:
        rule = f"0 to {limits.COUNT_MAX}"
        yield problem(f"{field}.restarts_maximum", health.restarts_maximum, rule, "Give a number in that range.")
    if not 0 <= health.ready_minimum_percent <= _PERCENT_MAX:
        yield problem(f"{field}.ready_minimum_percent", health.ready_minimum_percent, "0 to 100", "Give a percentage.")


def _check(field: str, check: Check) -> Iterator[Problem]:
    for part in ("name", "provider"):
        if not names.is_label(getattr(check, part)):
            yield problem(f"{field}.{part}", getattr(check, part), names.LABEL_RULE, "Choose another name.")
    if check.metric is None:
        yield from _query(f"{field}.query", check.query)
    yield from built_in_problems(field, check)
    if check.minimum_samples_query is not None:
        yield from _query(f"{field}.minimum_samples_query", check.minimum_samples_query)
    yield from _range(field, check)
    yield from _limits(field, check)
    if not 0 <= check.minimum_samples <= _SAMPLES_MAX:
        yield problem(f"{field}.minimum_samples", check.minimum_samples, "0 or more", "Give a number of events.")
    yield from duration_problems(f"{field}.interval_s", check.interval_s, least=0.1)
    yield from duration_problems(f"{field}.window_s", check.window_s, least=1.0)
    yield from duration_problems(f"{field}.initial_delay_s", check.initial_delay_s, least=0.0)


def _limits(field: str, check: Check) -> Iterator[Problem]:
    """The least of each: errors are borne up to their limit, and everything else is decided at it."""
    for part, least in {"count": 1, "failure_limit": 1, "inconclusive_limit": 1, "consecutive_error_limit": 0}.items():
        if not least <= getattr(check, part) <= limits.MEASUREMENTS_MAX:
            rule = f"{least} to {limits.MEASUREMENTS_MAX}"
            yield problem(f"{field}.{part}", getattr(check, part), rule, "Give a number in that range.")


def _range(field: str, check: Check) -> Iterator[Problem]:
    if check.compare is not None:
        yield from comparison_problems(field, check, check.compare)
    elif check.minimum is None and check.maximum is None:
        yield problem(f"{field}.minimum", None, "a minimum, a maximum or both", "Say which values are good.")
    elif check.minimum is not None and check.maximum is not None and check.minimum > check.maximum:
        yield problem(f"{field}.minimum", check.minimum, f"not above the maximum ({check.maximum})", "Swap them.")


def _query(field: str, query: str) -> Iterator[Problem]:
    if not 1 <= len(query) <= limits.QUERY_LENGTH_MAX:
        rule = f"1 to {limits.QUERY_LENGTH_MAX} characters"
        yield problem(field, f"{len(query)} characters", rule, "Give a query, or a metric.")
    elif not query.replace("\n", " ").replace("\t", " ").isprintable():
        yield problem(field, query, "printable characters, blanks and new lines", "Remove the control characters.")
    for name in _VARIABLE.findall(query):
        if name not in QUERY_VARIABLES:
            rule = f"variables among {', '.join(QUERY_VARIABLES)}"
            yield problem(field, f"{{{{{name}}}}}", rule, "Use one of these, or write the value out.")
