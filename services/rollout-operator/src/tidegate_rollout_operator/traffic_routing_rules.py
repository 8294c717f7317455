"""What stands against a TrafficRouting, in its author's words. Pure; called by `traffic_routing`.

Both versions stand behind one Service there, so that a router must change headers, or have words of its own for it.
"""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import HeaderChange, TrafficReference
from tidegate_contracts.routers import BUILT_IN, beyond
from tidegate_contracts.validate_traffic import traffic_problems
from tidegate_rollout_operator.kruise import HttpRouteMatch
from tidegate_rollout_operator.kruise import TrafficRouting as Reference
from tidegate_rollout_operator.routing import match_of, match_problems, routes_of, routing_problems
from tidegate_rollout_operator.wording import in_a_routings_words, in_kruises_words

STRATEGY: Final = "spec.strategy"
REFERENCE: Final = "objectRef[0]"


def problems_of(
    references: tuple[Reference, ...],
    weight: int | None,
    matches: tuple[HttpRouteMatch, ...],
    headers: HeaderChange,
) -> Iterator[Problem]:
    """Args:
    references: `spec.objectRef`, of which the first one counts.
    weight: Which share of the requests is marked.
    matches: Which requests are.
    headers: How.
    """
    # As if each had a canary Service: that there is one for both is what a TrafficRouting is about.
    routes = list(routes_of(references[0], one_service=False)) if references else []
    yield from _reference_problems(references, routes)
    if weight is None and not matches:
        yield problem(STRATEGY, "neither", "a weight or matches", "Say which requests are marked.")
    if weight is not None and not 0 <= weight <= WHOLE_PERCENT:
        yield problem(f"{STRATEGY}.weight", weight, "from 0 to 100", "Write 20.")
    for index, match in enumerate(matches):
        yield from match_problems(f"{STRATEGY}.matches[{index}]", match)
    for _, route in routes:
        yield from _unspoken(references[0], route, weight, matches, headers)


def _reference_problems(
    references: tuple[Reference, ...], routes: list[tuple[str, TrafficReference]]
) -> Iterator[Problem]:
    if not references:
        yield problem("spec.objectRef", "missing", "a Service and its route", "Name them.")
        return
    yield from routing_problems(f"spec.{REFERENCE}", references[0])
    fields = [REFERENCE + part for part, _ in routes]
    for each in traffic_problems(tuple(route for _, route in routes)):
        if not each.field.endswith(".canary_service"):
            yield in_kruises_words(replace(each, field=f"request.{each.field}"), "spec", fields)


def _unspoken(
    reference: Reference,
    route: TrafficReference,
    weight: int | None,
    matches: tuple[HttpRouteMatch, ...],
    headers: HeaderChange,
) -> Iterator[Problem]:
    """What the route's router has no words for."""
    abilities = BUILT_IN[route.router]
    if not abilities.marks:
        class_type = (reference.ingress or {}).get("classType") or "nginx"
        rule = "a class that can change headers: a canary Ingress to the same Service does nothing else"
        remedy = "Use mse, a class of your own with a script, customNetworkRefs, or an HTTPRoute."
        yield problem(f"spec.{REFERENCE}.ingress.classType", class_type, rule, remedy)
        return
    if not abilities.one_service and headers == HeaderChange():
        rule = "a change of headers, since both versions have one Service and nothing else tells requests apart"
        yield problem(f"{STRATEGY}.requestHeaderModifier", "missing", rule, "Set the header that marks a request.")
    asked = tuple(match_of(match) for match in matches)
    for each in beyond(
        route.router, abilities, weight_percent=weight, matches=asked, request_headers=headers, field=STRATEGY
    ):
        yield in_a_routings_words(each)
