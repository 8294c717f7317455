"""What is wrong with a check that names a metric instead of a query. Called by `validate_analysis`."""

from collections.abc import Iterator
from typing import Final

from tidegate_contracts import names
from tidegate_contracts.built_in import BY_SERVICE, CANARY, POD_METRICS, PROMQL_PROVIDERS, REQUEST_METRICS, SHARE
from tidegate_contracts.limits import NAME_LENGTH_MAX
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import Check

_DEFAULTS: Final = Check(name="")
_QUOTING: Final = "\"'`\\{}"
"""What could end the quotes in which a cluster's name stands, or be taken for a placeholder."""


def built_in_problems(field: str, check: Check) -> Iterator[Problem]:
    if check.metric is None:
        for part in ("source", "service"):
            if getattr(check, part) is not None:
                rule = "left out where no metric is given"
                yield problem(f"{field}.{part}", getattr(check, part), rule, "Give a metric, or leave it out.")
        return
    if check.query:
        yield problem(f"{field}.query", check.query, "left out where a metric is given", "Give one of the two.")
    if check.provider not in PROMQL_PROVIDERS:
        rule = f"one of {', '.join(PROMQL_PROVIDERS)} where a metric is given"
        yield problem(f"{field}.provider", check.provider, rule, "Write a query in this provider's own language.")
    if check.minimum_samples_query is not None:
        rule = "left out where a metric is given"
        remedy = "Requests are counted by themselves: give minimum_samples."
        yield problem(f"{field}.minimum_samples_query", check.minimum_samples_query, rule, remedy)
    yield from _source(field, check)
    yield from _service(field, check)
    if check.metric == SHARE:
        yield from _share(field, check)


def _share(field: str, check: Check) -> Iterator[Problem]:
    if check.compare is not None:
        yield problem(f"{field}.compare", "given", f"left out for {SHARE}", "Both versions are in it: give limits.")
    if check.source == "envoy":
        rule = f"a proxy that is asked by Services, for {SHARE}"
        yield problem(f"{field}.source", check.source, rule, "Give contour, istio, nginx or traefik, or write a query.")
    elif check.service is not None and not check.service.endswith(CANARY):
        rule = f"a name that ends with {CANARY}, for {SHARE}: the stable Service's name is what stands before it"
        yield problem(f"{field}.service", check.service, rule, "Write a query for two Services of other names.")


def _source(field: str, check: Check) -> Iterator[Problem]:
    if check.metric in REQUEST_METRICS and check.source in (None, "pods"):
        rule = f"the proxy that counts the requests, for {check.metric}"
        yield problem(f"{field}.source", check.source, rule, "Give contour, envoy, istio, nginx or traefik.")
    if check.metric in POD_METRICS:
        if check.source not in (None, "pods"):
            yield problem(f"{field}.source", check.source, f"pods, for {check.metric}", "Leave it out.")
        if check.minimum_samples != _DEFAULTS.minimum_samples:
            rule = f"left out for {check.metric}"
            yield problem(f"{field}.minimum_samples", check.minimum_samples, rule, "Pods are not counted as samples.")
    elif check.compare is not None and check.source in BY_SERVICE:
        rule = "istio, or a metric of pods, where compare is given"
        yield problem(f"{field}.source", check.source, rule, "This proxy doesn't tell revisions apart: write a query.")


def _service(field: str, check: Check) -> Iterator[Problem]:
    if check.service is None:
        if check.source == "envoy":
            yield problem(f"{field}.service", None, "the name of Envoy's cluster", "Say which requests are counted.")
    elif check.source not in BY_SERVICE:
        rule = f"left out for the source {check.source or 'pods'}"
        yield problem(f"{field}.service", check.service, rule, "The pods are told apart by their revision.")
    elif check.source == "envoy":
        quotes = any(mark in check.service for mark in _QUOTING)
        if not 1 <= len(check.service) <= NAME_LENGTH_MAX or quotes or not names.is_visible(check.service):
            rule = f"1 to {NAME_LENGTH_MAX} visible characters without quotes, backslashes and braces"
            yield problem(f"{field}.service", check.service, rule, "Give the cluster's name as Envoy has it.")
    elif not names.is_label(check.service):
        yield problem(f"{field}.service", check.service, names.LABEL_RULE, "Give the canary Service's name.")
