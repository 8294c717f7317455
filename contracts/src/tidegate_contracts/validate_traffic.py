"""What is wrong with a request's routes. Called by `validate`."""

from collections.abc import Iterator

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.validate_analysis import duration_problems


def traffic_problems(references: tuple[TrafficReference, ...]) -> Iterator[Problem]:
    if len(references) > limits.TRAFFIC_REFERENCES_MAX:
        rule = f"at most {limits.TRAFFIC_REFERENCES_MAX} routes"
        yield problem("traffic", len(references), rule, "Name fewer routes.")
    seen: set[tuple[str, str]] = set()
    for index, reference in enumerate(references):
        field = f"traffic[{index}]"
        yield from _reference(field, reference)
        if (reference.router, reference.route) in seen:
            yield problem(f"{field}.route", reference.route, "each route once", "Leave the second one out.")
        seen.add((reference.router, reference.route))


def _reference(field: str, reference: TrafficReference) -> Iterator[Problem]:
    if not names.is_name(reference.route):
        yield problem(f"{field}.route", reference.route, names.NAME_RULE, "Name an existing route.")
    if not names.is_label(reference.router):
        yield problem(f"{field}.router", reference.router, names.LABEL_RULE, "Name a router's plugin.")
    services = {"service": reference.service, "canary_service": canary_service(reference)}
    for part, service in services.items():
        if not names.is_label(service):
            yield problem(f"{field}.{part}", service, names.LABEL_RULE, "Name a Service.")
    if services["service"] == services["canary_service"]:
        rule = "another Service than the stable one"
        yield problem(f"{field}.canary_service", reference.service, rule, "Choose another name.")
    yield from duration_problems(f"{field}.grace_s", reference.grace_s, least=0.0, most=limits.GRACE_S_MAX)


def canary_service(reference: TrafficReference) -> str:
    """The name of the Service that the router makes for the new version's pods."""
    return reference.canary_service or f"{reference.service}-canary"
