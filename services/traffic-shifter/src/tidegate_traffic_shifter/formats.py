"""The door for routers: what one file of `routers`, or a plugin of the group `tidegate.traffic_routers`, has to offer.

A router is a class without arguments that says, purely, what an object of its kind shall be: a function of the object
as the user wrote it and of a `Share`. Reading, writing, fencing and waiting are ours: `rewriting` for a `Rewritten`
format, which changes the user's own object, `standing_beside` for a `Beside` one, which makes a second object and
leaves the user's alone. `conformance` is the kit that every router passes. A `ByScript` one has its words from the
cluster's own scripts (`scripting`).
"""

from typing import Any, Literal, Protocol, runtime_checkable

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

Part = Any
"""What of an object a format rewrites, as plain JSON."""
Body = dict[str, Any]


@runtime_checkable
class Format(Protocol):
    """What all have in common.

    Attributes:
        resource: The kind of object that the user names as the route.
        abilities: What can be asked of it; anything else is refused before anything moves.
    """

    resource: Resource
    abilities: Abilities

    def objection(self, route: Route) -> str | None:
        """Why whoever serves the written object can't be said to have taken it as it is now; None when it has."""
        ...


@runtime_checkable
class Rewritten(Format, Protocol):
    """The share is written into the user's own object; the part is saved beside it, byte for byte, and put back."""

    def part(self, route: Route) -> Part:
        """What of the object is rewritten."""
        ...

    def patch(self, part: Part) -> Body:
        """The merge patch that makes the part stand in the object: in its spec, its labels and its annotations.

        What stands there of an earlier part, and no longer in this one, we take away.
        """
        ...

    def holds(self, part: Part, namespace: str, service: str) -> bool:
        """Whether requests are sent to the Service."""
        ...

    def has_room(self, original: Part, namespace: str, share: Share) -> bool:
        """Whether the share's match, if it has one, can be true of a request that goes to the stable Service.

        Of several matches each is asked for by itself: one that fits nothing is refused, whatever the others do. So is
        a cookie: whether it can be set without taking away what the user's own route does to `Set-Cookie`.
        """
        ...

    def render(self, original: Part, namespace: str, share: Share) -> Part:
        """The part with the share in it: always made from the user's own, so that a share is absolute."""
        ...

    def recover(self, edited: Part, original: Part, namespace: str, share: Share) -> Part:
        """The user's own part out of one that was rendered, and edited since: our part taken out, the edit kept."""
        ...


@runtime_checkable
class Beside(Format, Protocol):
    """The share is an object of its own, of the same kind, beside the user's."""

    def name(self, route: str) -> str:
        """What the object beside is called."""
        ...

    def sends_to(self, route: Route, service: str) -> bool:
        """Whether the user's object sends requests to the Service."""
        ...

    def canary(self, route: Route, share: Share) -> Body:
        """The whole object beside, without our marks."""
        ...

    def repair(self, found: Route, wanted: Body) -> Body | None:
        """The merge patch that makes the object beside as wanted; None when it is. What others add to it may stay."""
        ...


@runtime_checkable
class ByScript(Protocol):
    """What is written is said by scripts of the cluster's; which, the reference to the route says.

    Attributes:
        abilities: What a script can be asked for; whether one has words for it, nobody knows.
        scripts: What a script says: an object, or the annotations of an Ingress beside the user's.
    """

    abilities: Abilities
    scripts: Literal["object", "ingress"]
