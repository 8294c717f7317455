"""What later steps ask for is looked at with the order before the first new pod: nothing is written before all fits."""

import asyncio
from typing import Any

from support.clock import ManualClock
from unit.traffic_shifter.test_waits_of_routes import PLACE, REFERENCE, Behind, Fenced, Route

from tidegate_contracts.orders import PlannedShare, ShiftTraffic
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import HttpMatch
from tidegate_contracts.routers import Abilities
from tidegate_contracts.workload import WorkloadReference
from tidegate_traffic_shifter.outcome import Outcome, Refused, Settled, worst
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.shift import Shift

BY_USER = HttpMatch(headers={"x-user": "ann"})
NO_ROOM = Problem(field="traffic.matches", value="web", rule="requests of the route", remedy="Give others.")


class Narrow(Route):
    """One whose rules leave no room for a match."""

    def __init__(self, abilities: Abilities = Route.abilities) -> None:
        super().__init__(0)
        self.held = None
        self.abilities = abilities
        self.asked: list[Share] = []

    async def check(self, place: Place, share: Share, fence: object) -> Refused | None:  # type: ignore[override]
        del place, fence
        self.asked.append(share)
        return Refused(NO_ROOM) if share.matches else None


class Rig:
    def __init__(self, route: Narrow, *planned: PlannedShare) -> None:
        order = ShiftTraffic(
            rollout="r1",
            revision=1,
            workload=WorkloadReference(name="web"),
            traffic=(REFERENCE,),
            stable_revision="old",
            canary_revision=None,
            weight_percent=0,
            planned=planned,
        )
        self.behind, places = Behind(), {PLACE: route}
        behind: Any = self.behind
        clock = ManualClock()
        fence: Any = Fenced(order, clock)
        self._work = Shift(order, places, behind, label="hash", fence=fence, clock=clock)

    def look(self) -> Outcome:
        return worst(asyncio.run(self._work.look()))


def test_a_match_of_the_third_step_that_no_rule_has_room_for_is_refused_by_its_name_before_anything_is_written() -> (
    None
):
    route = Narrow()
    rig = Rig(
        route, PlannedShare(step=1, weight_percent=20), PlannedShare(step=3, weight_percent=20, matches=(BY_USER,))
    )
    refused = rig.look()
    assert isinstance(refused, Refused)
    assert (refused.problem.field, refused.problem.rule) == ("steps[2].traffic.matches", NO_ROOM.rule)
    assert (rig.behind.pinned, route.held) == (False, None)


def test_so_is_what_a_plugins_router_has_no_words_for() -> None:
    route = Narrow(Abilities(shares=False))
    refused = Rig(route, PlannedShare(step=2, weight_percent=20)).look()
    assert isinstance(refused, Refused)
    assert refused.problem.field == "steps[1].traffic.weight_percent"
    assert route.held is None


def test_what_fits_is_asked_for_once_and_never_written() -> None:
    route = Narrow()
    rig = Rig(route, PlannedShare(step=1, weight_percent=20), PlannedShare(step=2, weight_percent=100))
    assert isinstance(rig.look(), Settled)
    assert [each.weight_percent for each in route.asked] == [0, 20, 100]
    assert isinstance(rig.look(), Settled)
    assert [each.weight_percent for each in route.asked] == [0, 20, 100, 0]
    assert rig.behind.pinned
    assert route.held is None
