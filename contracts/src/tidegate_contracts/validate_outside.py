"""What is wrong with a verdict that is given, and with what an analysis waits for from outside.

Called by `validate_analysis`, by the metrics-analyzer before a verdict counts, and by `tidegate verdict` before it is
published.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from tidegate_contracts import limits, names
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.verdicts import VerdictGiven

ALERT_VARIABLES: Final = ("namespace", "workload", "revision", "stable_revision", "rollout")
WITHIN_S_MIN: Final = 1.0
EPOCH_S_MAX: Final = 1e11
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,62}", re.ASCII)
_VARIABLE: Final = re.compile(r"\{\{([^{}]*)\}\}")


def validate_verdict(verdict: VerdictGiven) -> tuple[Problem, ...]:
    """The problems of a verdict, whatever rollout it is for."""
    return tuple(islice(_verdict_problems(verdict), limits.PROBLEMS_MAX))


def outside_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    for index, awaited in enumerate(analysis.verdicts):
        yield from _awaited(f"{field}.verdicts[{index}]", awaited)
    for index, watch in enumerate(analysis.alerts):
        yield from _watch(f"{field}.alerts[{index}]", watch)
    yield from _names(field, analysis)


def silence_problems(field: str, analysis: Analysis) -> Iterator[Problem]:
    """Of a step: that nobody complains is no reason to go on."""
    others = (analysis.checks, analysis.pod_health, analysis.templates, analysis.verdicts)
    if analysis.alerts and not any(others):
        rule = "beside a check, pod_health, a template or a verdict: that no alert fires passes nothing by itself"
        yield problem(f"{field}.alerts", "alone", rule, "Add what passes the step, or watch alerts in the background.")


def waiting_problems(field: str, analysis: Analysis, deadline_s: float, deadline: str) -> Iterator[Problem]:
    """Of a step or a bake: a wait that its own deadline, the field named, would cut short."""
    for index, awaited in enumerate(analysis.verdicts):
        if awaited.within_s is not None and awaited.within_s > deadline_s:
            rule = f"at most {deadline} ({deadline_s:g} s)"
            remedy = f"Wait for less long, or raise {deadline}."
            yield problem(f"{field}.verdicts[{index}].within_s", awaited.within_s, rule, remedy)


def _names(field: str, analysis: Analysis) -> Iterator[Problem]:
    seen = {check.name for check in analysis.checks}
    told = [("verdicts", index, one.name) for index, one in enumerate(analysis.verdicts)]
    told += [("alerts", index, one.name) for index, one in enumerate(analysis.alerts)]
    if len(analysis.checks) + len(told) > limits.CHECKS_MAX:
        rule = f"at most {limits.CHECKS_MAX} checks, verdicts and alerts together"
        yield problem(field, len(analysis.checks) + len(told), rule, "Give fewer.")
    for part, index, name in told:
        if not names.is_label(name):
            yield problem(f"{field}.{part}[{index}].name", name, names.LABEL_RULE, "Choose another name.")
        if name in seen:
            yield problem(f"{field}.{part}[{index}].name", name, "a name of its own", "Choose another.")
        seen.add(name)


def _awaited(field: str, awaited: AwaitedVerdict) -> Iterator[Problem]:
    if len(awaited.signed_by) > limits.SIGNERS_MAX:
        rule = f"at most {limits.SIGNERS_MAX} keys"
        yield problem(f"{field}.signed_by", len(awaited.signed_by), rule, "Name fewer.")
    for index, key in enumerate(awaited.signed_by):
        if not names.is_label(key):
            yield problem(f"{field}.signed_by[{index}]", key, names.LABEL_RULE, "Name a key that is mounted.")
    if awaited.within_s is not None and not WITHIN_S_MIN <= awaited.within_s <= limits.DURATION_S_MAX:
        rule = f"{WITHIN_S_MIN:g} to {limits.DURATION_S_MAX:g} seconds"
        yield problem(f"{field}.within_s", awaited.within_s, rule, "Give a duration in that range.")


def _watch(field: str, watch: AlertWatch) -> Iterator[Problem]:
    if not 1 <= len(watch.labels) <= limits.ALERT_LABELS_MAX:
        rule = f"1 to {limits.ALERT_LABELS_MAX} labels"
        yield problem(f"{field}.labels", len(watch.labels), rule, "Say which alerts concern the rollout.")
    if not 0 <= watch.look_back_s <= limits.ALERT_LOOK_BACK_S_MAX:
        rule = f"0 to {limits.ALERT_LOOK_BACK_S_MAX:g} seconds"
        yield problem(f"{field}.look_back_s", watch.look_back_s, rule, "Give a duration in that range.")
    for label, wanted in watch.labels.items():
        if not _LABEL_NAME.fullmatch(label):
            rule = "a Prometheus label: at most 63 letters, digits and '_', no digit first"
            yield problem(f"{field}.labels", label, rule, "Give a label's name.")
        yield from _values(f"{field}.labels.{label}", (wanted,) if isinstance(wanted, str) else wanted)


def _values(field: str, values: tuple[str, ...]) -> Iterator[Problem]:
    if not 1 <= len(values) <= limits.ALERT_VALUES_MAX:
        yield problem(field, len(values), f"1 to {limits.ALERT_VALUES_MAX} values", "Give one, or a few.")
    for value in values:
        if not 1 <= len(value) <= limits.NAME_LENGTH_MAX or not value.isprintable():
            rule = f"1 to {limits.NAME_LENGTH_MAX} printable characters"
            yield problem(field, value, rule, "Give a label's value.")
        for name in _VARIABLE.findall(value):
            if name not in ALERT_VARIABLES:
                rule = f"variables among {', '.join(ALERT_VARIABLES)}"
                yield problem(field, f"{{{{{name}}}}}", rule, "Use one of these, or write the value out.")


def _verdict_problems(verdict: VerdictGiven) -> Iterator[Problem]:
    if not 1 <= len(verdict.reason) <= limits.REASON_LENGTH_MAX or not verdict.reason.isprintable():
        rule = f"1 to {limits.REASON_LENGTH_MAX} printable characters"
        yield problem("reason", verdict.reason, rule, "Say why, on one line.")
    if len(verdict.by) > limits.AUTHOR_LENGTH_MAX or not verdict.by.isprintable():
        rule = f"at most {limits.AUTHOR_LENGTH_MAX} printable characters"
        yield problem("by", verdict.by, rule, "Give a name or an address.")
    if verdict.step is not None and not 1 <= verdict.step <= limits.STEPS_MAX + 1:
        yield problem("step", verdict.step, "a step's number, counted from 1", "Leave it out for the whole rollout.")
    if verdict.link and not _is_link(verdict.link):
        rule = f"an http or https address of at most {limits.LINK_LENGTH_MAX} visible characters, without a password"
        yield problem("link", "", rule, "Give the address of a report, or leave it out.")
    if verdict.issued_at_s is not None and not 0 <= verdict.issued_at_s <= EPOCH_S_MAX:
        yield problem("issued_at_s", verdict.issued_at_s, "epoch seconds", "Say when it was found, or leave it out.")
    if not all(map(math.isfinite, verdict.figures.values())):
        yield problem("figures", "NaN or an infinity", "finite numbers", "Leave it out, and say it in the reason.")
    if len(verdict.figures) > limits.FIGURES_MAX:
        yield problem("figures", len(verdict.figures), f"at most {limits.FIGURES_MAX}", "Give the telling ones.")
    for name in verdict.figures:
        if not 1 <= len(name) <= limits.LABEL_LENGTH_MAX or not name.isprintable():
            rule = f"names of 1 to {limits.LABEL_LENGTH_MAX} printable characters"
            yield problem("figures", name, rule, "Name it shorter.")


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    readable = len(text) <= limits.LINK_LENGTH_MAX and names.is_visible(text)
    return readable and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.password is None
