"""Whether the gateways have taken a route as it is now; pure. Called by `routers`."""

from typing import Final

from tidegate_traffic_shifter.seen import Condition, ParentStatus, Route

REQUIRED: Final = ("Accepted", "ResolvedRefs")


class Untold:
    """A format whose kind has no status that tells: what the API server has taken is all that can be known."""

    def objection(self, route: Route) -> str | None:
        del route
        return None


def objection(route: Route) -> str | None:
    """Why the route can't be said to be accepted for its present generation; None when it is."""
    parents = route.status.parents or []
    if not parents:
        return "no gateway has answered for the route yet"
    found = (_objection_of(parent, route.metadata.generation) for parent in parents)
    return next((reason for reason in found if reason is not None), None)


def objection_by(controller: str, route: Route) -> str | None:
    """The same of a route that one controller answers for, by a condition of whatever name."""
    conditions = route.status.conditions or []
    if not conditions:
        return f"{controller} has not answered for the route yet"
    found = (unmet(each, controller, each.type, route.metadata.generation) for each in conditions)
    return next((reason for reason in found if reason is not None), None)


def _objection_of(parent: ParentStatus, generation: int) -> str | None:
    gateway = parent.parent_ref.get("name", "the gateway")
    conditions = {condition.type: condition for condition in parent.conditions or ()}
    found = (unmet(conditions.get(kind), gateway, kind, generation) for kind in REQUIRED)
    return next((reason for reason in found if reason is not None), None)


def unmet(condition: Condition | None, who: str, kind: str, generation: int) -> str | None:
    """Why one who answers by this condition can't be said to have taken the generation; None when it has."""
    if condition is None or condition.observed_generation < generation:
        return f"{who} has not answered for generation {generation} yet"
    if condition.status != "True":
        return f"{who} says {kind} is {condition.status}: {condition.told}"
    return None
