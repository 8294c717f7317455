"""What the traffic-shifter has to be told of a TrafficRouting, and what its status says meanwhile. Pure.

Called by `routing_loop`. An order is an absolute wish that stands: it is given again only where it would say another
thing. As long as a release holds the TrafficRouting, requests are marked; then the route is given back.
"""

from typing import Any, Literal, NamedTuple

from msgspec.structs import replace

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.orders import MarkRequests, ReleaseTraffic, RouteOrder
from tidegate_rollout_operator.traffic_routing import Asked, Marks, Routing

Phase = Literal["Initial", "Healthy", "Progressing", "Finalizing", "Terminating"]
Answer = Literal["", "accepted", "refused", "released"]


class Standing(NamedTuple):
    """The order that stands, and what was answered to it."""

    order: RouteOrder | None = None
    answer: Answer = ""
    reason: str = ""

    @property
    def given_back(self) -> bool:
        return self.order is None or (isinstance(self.order, ReleaseTraffic) and self.answer == "released")


def answered(order: RouteOrder, event: AnyEvent) -> Standing:
    """What the last event of its history says of an order; nothing where it answers another one."""
    match event:
        case TrafficShifted() | TrafficRepaired() if event.order_revision == order.revision:
            return Standing(order, "accepted")
        case TrafficRefused(problem=problem) if event.order_revision == order.revision:
            return Standing(order, "refused", str(problem))
        case TrafficReleased() if event.order_revision == order.revision:
            return Standing(order, "released")
        case _:
            return Standing(order)


def due(routing: Routing, asked: Asked, standing: Standing, revision: int) -> RouteOrder | None:
    """The order that has to be given now; None where the one that stands is right, or has to be waited for.

    What was marked is given back as it was marked: an edit of the route is one back and one forth.
    """
    marked = standing.order if isinstance(standing.order, MarkRequests) else None
    if routing.leaving or not routing.holders or not isinstance(asked, Marks):
        return _release(routing, marked, revision) if marked is not None else None
    order = MarkRequests(
        rollout=routing.metadata.uid,
        revision=revision,
        workload=routing.reference,
        traffic=asked.routes,
        headers=asked.headers,
        weight_percent=asked.weight_percent,
        matches=asked.matches,
    )
    if marked is None:
        here = standing.order is not None and standing.order.traffic == order.traffic
        return order if here or standing.given_back else None
    if marked.traffic != order.traffic:
        return _release(routing, marked, revision)
    return None if replace(order, revision=marked.revision) == marked else order


def _release(routing: Routing, marked: MarkRequests, revision: int) -> ReleaseTraffic:
    return ReleaseTraffic(
        rollout=routing.metadata.uid, revision=revision, workload=routing.reference, traffic=marked.traffic
    )


def project(routing: Routing, asked: Asked, standing: Standing) -> dict[str, Any]:
    """The status."""
    phase = _phase(routing, asked, standing)
    return {
        "observedGeneration": routing.metadata.generation,
        "phase": phase,
        "message": _message(routing, asked, standing, phase),
    }


def _phase(routing: Routing, asked: Asked, standing: Standing) -> Phase:
    if routing.leaving:
        return "Terminating"
    if routing.holders and isinstance(asked, Marks):
        return "Progressing"
    if not standing.given_back:
        return "Finalizing"
    return "Healthy" if isinstance(asked, Marks) else "Initial"


def _message(routing: Routing, asked: Asked, standing: Standing, phase: Phase) -> str:
    if not isinstance(asked, Marks):
        return "; ".join(str(each) for each in asked)
    if phase == "Healthy":
        return "no release holds it"
    if standing.answer == "refused":
        return standing.reason
    if phase != "Progressing":
        return "the route is given back"
    holders = ", ".join(sorted(routing.holders))
    done = standing.answer == "accepted" and isinstance(standing.order, MarkRequests)
    return f"requests are marked for {holders}" if done else f"requests are about to be marked for {holders}"
