"""What is wrong with a request's routes. Called by `validate`."""

import re
from collections.abc import Iterator
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import SessionAffinity, TrafficReference
from tidegate_contracts.routers import BUILT_IN, DESTINATION_RULE, INGRESS_SCRIPT, REWRITTEN, SCRIPT, Abilities
from tidegate_contracts.validate_analysis import duration_problems

_COOKIE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""Nothing that would be read otherwise in a pattern."""


def traffic_problems(references: tuple[TrafficReference, ...]) -> Iterator[Problem]:
    if len(references) > limits.TRAFFIC_REFERENCES_MAX:
        rule = f"at most {limits.TRAFFIC_REFERENCES_MAX} routes"
        yield problem("traffic", len(references), rule, "Name fewer routes.")
    written = {(REWRITTEN[each.router], each.route) for each in references if each.router in REWRITTEN}
    seen: set[tuple[str, ...]] = set()
    for index, reference in enumerate(references):
        field = f"traffic[{index}]"
        yield from _reference(field, reference)
        identity = (reference.router, _group(reference), reference.kind or "", reference.route)
        if identity in seen or (reference.kind, reference.route) in written:
            yield problem(f"{field}.route", reference.route, "each route once", "Leave the second one out.")
        seen.add(identity)
    yield from _undivided(references)


def _undivided(references: tuple[TrafficReference, ...]) -> Iterator[Problem]:
    """What is wrong where one Service stands for both versions: all routes to it have to know, and who declares it."""
    undivided = {each.service for each in references if each.service == canary_service(each)}
    declared = {each.service for each in references if _abilities(each).declares}
    named = {each.service for each in references if _abilities(each).by_revision and not _abilities(each).declares}
    for index, reference in enumerate(references):
        field, service, abilities = f"traffic[{index}]", reference.service, _abilities(reference)
        alone = service == canary_service(reference)
        if service in undivided and not alone:
            rule = "the Service itself, as for another route to it: it has the pods of both versions"
            yield problem(f"{field}.canary_service", canary_service(reference), rule, "Give the same for all of them.")
        elif abilities.declares and not alone:
            rule = "the Service itself: both versions are subsets of it"
            yield problem(f"{field}.canary_service", canary_service(reference), rule, f"Give {service}.")
        elif abilities.declares and service not in named:
            rule = f"beside an istio-virtual-service route to {service}, which names the subsets"
            yield problem(f"{field}.router", reference.router, rule, "Name the VirtualService, too.")
        elif alone and abilities.by_revision and service not in declared:
            rule = f"beside an {DESTINATION_RULE} route for {service}, which declares both versions as subsets"
            yield problem(f"{field}.canary_service", service, rule, "Name the DestinationRule, too.")


def _abilities(reference: TrafficReference) -> Abilities:
    return BUILT_IN.get(reference.router, Abilities())


def _reference(field: str, reference: TrafficReference) -> Iterator[Problem]:
    if not names.is_name(reference.route):
        yield problem(f"{field}.route", reference.route, names.NAME_RULE, "Name an existing route.")
    if not names.is_label(reference.router):
        yield problem(f"{field}.router", reference.router, names.LABEL_RULE, "Name a router's plugin.")
    services = {"service": reference.service, "canary_service": canary_service(reference)}
    for part, service in services.items():
        if not names.is_label(service):
            yield problem(f"{field}.{part}", service, names.LABEL_RULE, "Name a Service.")
    if services["service"] == services["canary_service"] and not _tells_apart(reference.router):
        rule = "another Service than the stable one"
        yield problem(f"{field}.canary_service", reference.service, rule, "Choose another name.")
    yield from _scripted(field, reference)
    if reference.session_affinity is not None:
        yield from _affinity(f"{field}.session_affinity", reference.router, reference.session_affinity)
    yield from duration_problems(f"{field}.grace_s", reference.grace_s, least=0.0, most=limits.GRACE_S_MAX)


def _affinity(field: str, router: str, affinity: SessionAffinity) -> Iterator[Problem]:
    """Of a plugin only the traffic-shifter knows whether it can."""
    if router in BUILT_IN and not BUILT_IN[router].session_affinity:
        can = ", ".join(name for name, each in BUILT_IN.items() if each.session_affinity)
        yield problem(field, router, f"a router that can set a cookie: {can}", "Leave it out, or use one of these.")
    if not _COOKIE.fullmatch(affinity.cookie):
        rule = "1 to 64 letters, digits, '-' and '_'"
        yield problem(f"{field}.cookie", affinity.cookie, rule, "Give the cookie another name.")
    if not 1 <= affinity.max_age_s <= limits.AFFINITY_S_MAX:
        rule = f"1 to {limits.AFFINITY_S_MAX} seconds"
        yield problem(f"{field}.max_age_s", affinity.max_age_s, rule, "Give whole seconds.")


def _tells_apart(router: str) -> bool:
    """Whether one Service may stand for both versions; of a plugin only the traffic-shifter knows."""
    return router not in BUILT_IN or BUILT_IN[router].one_service


def _scripted(field: str, reference: TrafficReference) -> Iterator[Problem]:
    """What says which script: as much of it as the router needs, and no more."""
    wanted = {"kind": SCRIPT, "api_version": SCRIPT, "class_type": INGRESS_SCRIPT}
    for part, router in wanted.items():
        value = getattr(reference, part)
        if reference.router != router and value is not None:
            yield problem(f"{field}.{part}", value, f"left out, but for the router {router}", "Leave it out.")
        elif reference.router == router and value is None:
            yield problem(f"{field}.{part}", "missing", f"given for the router {router}", "Name it.")
    if reference.kind is not None and not names.is_kind(reference.kind):
        yield problem(f"{field}.kind", reference.kind, names.KIND_RULE, "Give it as the object's manifest does.")
    if reference.api_version is not None and not names.is_api_version(reference.api_version):
        remedy = "Give it as the object's manifest does."
        yield problem(f"{field}.api_version", reference.api_version, names.API_VERSION_RULE, remedy)
    if reference.class_type is not None and not (reference.class_type and names.is_label_value(reference.class_type)):
        rule = "1 to 63 letters, digits, '-', '_' and '.', starting and ending as a word"
        yield problem(f"{field}.class_type", reference.class_type, rule, "Name the script's class.")


def _group(reference: TrafficReference) -> str:
    return (reference.api_version or "").rpartition("/")[0]


def canary_service(reference: TrafficReference) -> str:
    """The name of the Service that the router makes for the new version's pods."""
    return reference.canary_service or f"{reference.service}-canary"
