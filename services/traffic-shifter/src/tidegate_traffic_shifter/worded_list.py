"""What routers have in common whose object is one list of backends, said by `Words`, and knows no matches. Pure.

The base of formats in `routers`, which say where the list is and how a backend is said.
"""

from functools import reduce
from typing import Any, ClassVar

from tidegate_traffic_shifter import backends
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share


class WordedList(Untold):
    """A `Rewritten` format but for its resource and its abilities.

    Attributes:
        words: How a backend is said.
        fields: Where in the spec the list is.
    """

    words: ClassVar[Words]
    fields: ClassVar[tuple[str, ...]]

    def part(self, route: Route) -> list[Backend]:
        found: Any = route.spec
        for field in self.fields:
            found = (found or {}).get(field)
        return found or []

    def patch(self, part: list[Backend]) -> Body:
        inner: Any = part
        return {"spec": reduce(lambda body, field: {field: body}, reversed(self.fields), inner)}

    def holds(self, part: list[Backend], namespace: str, service: str) -> bool:
        return backends.holds(part, self.words, namespace, service)

    def has_room(self, original: list[Backend], namespace: str, share: Share) -> bool:
        del original, namespace
        return not share.matches

    def render(self, original: list[Backend], namespace: str, share: Share) -> list[Backend]:
        return backends.divided(original, self.words, namespace, share)

    def recover(self, edited: list[Backend], original: list[Backend], namespace: str, share: Share) -> list[Backend]:
        return backends.undivided(edited, [original], self.words, namespace, share)
