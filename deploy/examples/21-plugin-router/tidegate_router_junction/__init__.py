"""Junctions of `junctions.example.com` as routes: all that Tidegate has to be told about them.

Found by its entry point when the traffic-shifter starts. A Junction's lanes are tried one after the other, so that a
lane in front gets the matched requests; where it has several exits, their weights share what the lane gets.
"""

from typing import ClassVar

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter import acceptance
from tidegate_traffic_shifter.backends import Words
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.worded_rules import WordedRules


class Junction(WordedRules):
    resource = Resource("junctions.example.com", "v1", "junctions", "Junction")
    abilities = Abilities(match_parts=frozenset({"headers"}))
    words: ClassVar[Words] = Words(service="to", identity=("to", "port"), weight_max=1000)
    rules_field: ClassVar[str] = "lanes"
    backends_field: ClassVar[str] = "exits"
    in_order: ClassVar[bool] = True

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        """A lane for each match: all the headers that a lane names must be there."""
        own = rule.get("headers") or {}
        return [rule | {"headers": own | match.headers} for match in matches]

    def objection(self, route: Route) -> str | None:
        return acceptance.objection_by("the junctions' controller", route)
