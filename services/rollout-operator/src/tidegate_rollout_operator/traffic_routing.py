"""Kruise's TrafficRouting, v1alpha1: a route whose requests are marked as long as releases hold it. Pure.

Read by `routing_loop`, which keeps the traffic-shifter's order for it (`routing_due`), and by `holding`, the releases'.
Several Rollouts may hold one: its marks are what their own routes further on tell requests by. Both versions stand
behind one Service here, so that only a change of headers tells requests apart: what has none can't be carried.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts import names
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.rollout import HeaderChange, HttpMatch, TrafficReference
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_rollout_operator.kruise import GROUP, Block, HttpRouteMatch, KruiseObject, Match, Rollout
from tidegate_rollout_operator.kruise import TrafficRouting as Reference
from tidegate_rollout_operator.routing import change_of, grace_s, match_of, match_problems
from tidegate_rollout_operator.view import View

TRAFFIC_ROUTINGS: Final = Resource(GROUP, "v1alpha1", "trafficroutings", "TrafficRouting")
FINALIZER: Final = f"{GROUP}/trafficrouting"
HOLDERS: Final = f"progressing.{GROUP}/"
"""How a finalizer begins by which a Rollout's release holds it: Kruise's own."""

FINALIZER_NAME_LENGTH_MAX: Final = 63
"""Behind the slash: Kubernetes' own limit."""

AT: Final = "spec.objectRef[0]"


class Modifier(Block, frozen=True):
    set: tuple[Match, ...] = ()
    add: tuple[Match, ...] = ()
    remove: tuple[str, ...] = ()


class Strategy(Block, frozen=True):
    weight: int | None = None
    matches: tuple[HttpRouteMatch, ...] = ()
    request_header_modifier: Modifier = Modifier()


class RoutingSpec(Block, frozen=True):
    object_ref: tuple[Reference, ...] = ()
    strategy: Strategy = Strategy()


class Routing(KruiseObject, frozen=True):
    spec: RoutingSpec = RoutingSpec()

    @property
    def holders(self) -> tuple[str, ...]:
        """The Rollouts whose releases hold it, by as much of their names as a finalizer has."""
        found = self.metadata.finalizers
        return tuple(each.removeprefix(HOLDERS) for each in found if each.startswith(HOLDERS))

    def key(self, cluster: str) -> WorkloadKey:
        return WorkloadKey.of(cluster, self.metadata.namespace, self.reference)

    @property
    def reference(self) -> WorkloadReference:
        """For whom the traffic-shifter's order is given, and its history is kept."""
        kind = TRAFFIC_ROUTINGS
        return WorkloadReference(name=self.metadata.name, kind=kind.kind, api_version=kind.api_version)


class Marks(NamedTuple):
    """What the spec asks for."""

    route: TrafficReference
    headers: HeaderChange
    weight_percent: int
    matches: tuple[HttpMatch, ...]


Asked = Marks | tuple[Problem, ...]
"""What a spec asks for, or everything that stands against it."""


def holder_of(rollout: Rollout) -> str:
    return rollout.metadata.name[:FINALIZER_NAME_LENGTH_MAX].rstrip("-._")


def holds(view: View) -> bool:
    """Whether a release holds its TrafficRouting: until its end begins, whichever end that is."""
    return view.stage in ("initializing", "rolling") and not view.closing


def wanted(routing: Routing) -> Asked:
    """What it asks for, or everything that stands against it."""
    found = tuple(_problems(routing.spec))
    if found:
        return found
    reference, strategy = routing.spec.object_ref[0], routing.spec.strategy
    assert reference.gateway is not None, "a reference without a route was refused before"
    route = TrafficReference(
        route=reference.gateway.http_route_name or "",
        service=reference.service,
        canary_service=reference.service,
        grace_s=grace_s(reference),
    )
    matches = tuple(match_of(match) for match in strategy.matches)
    modifier = strategy.request_header_modifier
    headers = change_of(modifier.set, modifier.add, modifier.remove)
    return Marks(route, headers, strategy.weight or 0, matches)


def _problems(spec: RoutingSpec) -> Iterator[Problem]:
    strategy, modifier = spec.strategy, spec.strategy.request_header_modifier
    yield from _reference_problems(spec.object_ref)
    if not (modifier.set or modifier.add or modifier.remove):
        rule = "a change of headers, since both versions have one Service and nothing else tells requests apart"
        yield problem("spec.strategy.requestHeaderModifier", "missing", rule, "Set the header that marks a request.")
    if strategy.weight is None and not strategy.matches:
        yield problem("spec.strategy", "neither", "a weight or matches", "Say which requests are marked.")
    if strategy.weight is not None and not 0 <= strategy.weight <= WHOLE_PERCENT:
        yield problem("spec.strategy.weight", strategy.weight, "from 0 to 100", "Write 20.")
    for index, match in enumerate(strategy.matches):
        yield from match_problems(f"spec.strategy.matches[{index}]", match)


def _reference_problems(references: tuple[Reference, ...]) -> Iterator[Problem]:
    if not references:
        yield problem("spec.objectRef", "missing", "a Service and its route", "Name them.")
        return
    first = references[0]
    if not names.is_name(first.service):
        yield problem(f"{AT}.service", first.service, names.NAME_RULE, "Name the Service that the route sends to.")
    if first.ingress is not None or first.custom_network_refs:
        other = "ingress" if first.ingress is not None else "customNetworkRefs"
        yield problem(f"{AT}.{other}", "given", "a route of the Gateway API", "Leave it out; it is not served yet.")
    if first.gateway is None or not names.is_name(first.gateway.http_route_name or ""):
        yield problem(f"{AT}.gateway.httpRouteName", "missing", names.NAME_RULE, "Name the HTTPRoute.")
