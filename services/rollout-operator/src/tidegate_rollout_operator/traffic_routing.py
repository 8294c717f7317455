"""Kruise's TrafficRouting, v1alpha1: a route whose requests are marked as long as releases hold it. Pure.

Read by `routing_loop`, which keeps the traffic-shifter's order for it (`routing_due`), and by `holding`, the releases'.
Several Rollouts may hold one: its marks are what their own routes further on tell requests by. What can't be carried is
said by `traffic_routing_rules`.
"""

from typing import Final, NamedTuple

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import HeaderChange, HttpMatch, TrafficReference
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_rollout_operator.blocks import Block
from tidegate_rollout_operator.kruise import GROUP, HttpRouteMatch, KruiseObject, Match, Rollout
from tidegate_rollout_operator.kruise import TrafficRouting as Reference
from tidegate_rollout_operator.routing import change_of, match_of, routes_of
from tidegate_rollout_operator.traffic_routing_rules import problems_of
from tidegate_rollout_operator.view import View

TRAFFIC_ROUTINGS: Final = Resource(GROUP, "v1alpha1", "trafficroutings", "TrafficRouting")
FINALIZER: Final = f"{GROUP}/trafficrouting"
HOLDERS: Final = f"progressing.{GROUP}/"
"""How a finalizer begins by which a Rollout's release holds it: Kruise's own."""

FINALIZER_NAME_LENGTH_MAX: Final = 63
"""Behind the slash: Kubernetes' own limit."""


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

    routes: tuple[TrafficReference, ...]
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
    strategy = routing.spec.strategy
    headers = _headers(strategy)
    found = tuple(problems_of(routing.spec.object_ref, strategy.weight, strategy.matches, headers))
    if found:
        return found
    routes = tuple(route for _, route in routes_of(routing.spec.object_ref[0], one_service=True))
    matches = tuple(match_of(match) for match in strategy.matches)
    return Marks(routes, headers, strategy.weight or 0, matches)


def _headers(strategy: Strategy) -> HeaderChange:
    modifier = strategy.request_header_modifier
    return change_of(modifier.set, modifier.add, modifier.remove)
