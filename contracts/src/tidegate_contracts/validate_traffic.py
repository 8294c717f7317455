"""What is wrong with a request's routes and with the matches of its steps. Called by `validate*`."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, printable, problem
from tidegate_contracts.rollout import HttpMatch, TrafficReference
from tidegate_contracts.validate_analysis import duration_problems

_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+", re.ASCII)


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


def match_problems(field: str, matches: tuple[HttpMatch, ...]) -> Iterator[Problem]:
    if len(matches) > limits.MATCHES_MAX:
        yield problem(field, len(matches), f"at most {limits.MATCHES_MAX}", "Give fewer.")
    for index, match in enumerate(matches):
        at = f"{field}[{index}]"
        if not match.headers and not match.query and match.path_prefix is None:
            yield problem(at, "{}", "a header, a query or a path", "Say what to match.")
        yield from _pairs(f"{at}.headers", match.headers)
        yield from _pairs(f"{at}.query", match.query)
        if match.path_prefix is not None and not _is_path(match.path_prefix):
            rule = f"a path of at most {limits.PATH_LENGTH_MAX} visible ASCII characters, starting with /"
            yield problem(f"{at}.path_prefix", match.path_prefix, rule, "Give a path such as /api.")


def _pairs(field: str, pairs: Mapping[str, str]) -> Iterator[Problem]:
    if len(pairs) > limits.MATCH_PARTS_MAX:
        yield problem(field, len(pairs), f"at most {limits.MATCH_PARTS_MAX}", "Match fewer.")
    for name, value in pairs.items():
        at = f"{field}.{printable(name)}"
        if len(name) > limits.HEADER_NAME_LENGTH_MAX or _HEADER_NAME.fullmatch(name) is None:
            rule = f"a name of 1 to {limits.HEADER_NAME_LENGTH_MAX} letters, digits and -._~ and the like"
            yield problem(at, name, rule, "Give the name as it is sent.")
        if not 1 <= len(value) <= limits.HEADER_VALUE_LENGTH_MAX or not value.isprintable():
            rule = f"1 to {limits.HEADER_VALUE_LENGTH_MAX} printable characters"
            yield problem(at, value, rule, "Give the value as it is sent.")


def _is_path(path: str) -> bool:
    return path.startswith("/") and len(path) <= limits.PATH_LENGTH_MAX and names.is_visible(path)
