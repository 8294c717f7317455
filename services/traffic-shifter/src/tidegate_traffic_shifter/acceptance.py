"""Whether the gateways have taken a route as it is now; pure. Called by `routers`."""

from typing import Final

from tidegate_traffic_shifter.seen import ParentStatus, Route

REQUIRED: Final = ("Accepted", "ResolvedRefs")


def objection(route: Route) -> str | None:
    """Why the route can't be said to be accepted for its present generation; None when it is."""
    parents = route.status.parents or []
    if not parents:
        return "no gateway has answered for the route yet"
    found = (_objection_of(parent, route.metadata.generation) for parent in parents)
    return next((reason for reason in found if reason is not None), None)


def _objection_of(parent: ParentStatus, generation: int) -> str | None:
    gateway = parent.parent_ref.get("name", "the gateway")
    conditions = {condition.type: condition for condition in parent.conditions or ()}
    for kind in REQUIRED:
        condition = conditions.get(kind)
        if condition is None or condition.observed_generation < generation:
            return f"{gateway} has not answered for generation {generation} yet"
        if condition.status != "True":
            return f"{gateway} says {kind} is {condition.status}: {condition.message or condition.reason}"
    return None
