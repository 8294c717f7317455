"""What routers have in common whose object has lists of rules in several fields, each with words of its own. Pure.

The base of `routers.contour_http_proxy` and `routers.istio_virtual_service`: requests and connections are routed by
different rules. What is in a list is for its `WordedRules` to say.
"""

from collections.abc import Mapping
from typing import ClassVar

from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_rules import WordedRules

Fields = dict[str, list[Rule]]


class WordedFields(Untold):
    """A `Rewritten` format but for its resource and its abilities.

    Attributes:
        lists: By the field of the spec, what is in it.
    """

    lists: ClassVar[Mapping[str, WordedRules]]

    def part(self, route: Route) -> Fields:
        found = {field: rules.part(route) for field, rules in self.lists.items()}
        return {field: part for field, part in found.items() if part}

    def patch(self, part: Fields) -> Body:
        return {"spec": {field: self.lists[field].patch(rules)["spec"][field] for field, rules in part.items()}}

    def holds(self, part: Fields, namespace: str, service: str) -> bool:
        return any(self.lists[field].holds(rules, namespace, service) for field, rules in part.items())

    def has_room(self, original: Fields, namespace: str, share: Share) -> bool:
        found = (self.lists[field].has_room(rules, namespace, share) for field, rules in original.items())
        # A match has to fit in one list; a cookie must be in no list's way.
        return any(found) if share.matches else all(found)

    def render(self, original: Fields, namespace: str, share: Share) -> Fields:
        return {field: self.lists[field].render(rules, namespace, share) for field, rules in original.items()}

    def recover(self, edited: Fields, original: Fields, namespace: str, share: Share) -> Fields:
        return {
            field: self.lists[field].recover(rules, original.get(field, []), namespace, share)
            for field, rules in edited.items()
        }
