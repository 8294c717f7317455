"""Several routes of one order have a share together: what one of them refuses, the others give back."""

import asyncio
from typing import Any

import pytest
from support.clock import ManualClock
from unit.traffic_shifter.test_waits_of_routes import Behind, Fenced, Route, share

from tidegate_chassis.errors import Permanent, UnknownOutcome
from tidegate_contracts.orders import ShiftTraffic
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_traffic_shifter.outcome import Outcome, Refused, Settled, worst
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.shift import Shift

REFERENCES = tuple(TrafficReference(route=name, service="web") for name in ("one", "two", "three"))


class Counted(Route):
    """Of which every write is told; some refuse any share but the one that they have."""

    def __init__(self, weight_percent: int, *, refuses: bool = False) -> None:
        super().__init__(weight_percent)
        self.refuses = refuses
        self.written: list[Share] = []
        self.unknown = self.unknown_back = False

    async def shift(self, place: Place, wanted: Share, fence: object) -> Outcome:
        if wanted != self.held:
            if self.unknown or (self.unknown_back and wanted == share(20)):
                raise UnknownOutcome("no answer came")
            if self.refuses:
                raise Permanent("a webhook denied the request", code="forbidden")
            self.written.append(wanted)
        return await super().shift(place, wanted, fence)


def order(weight_percent: int, *, lowering: bool = False) -> ShiftTraffic:
    return ShiftTraffic(
        rollout="r1",
        revision=1,
        workload=WorkloadReference(name="web"),
        traffic=REFERENCES,
        stable_revision="old",
        canary_revision="new",
        weight_percent=weight_percent,
        lowering=lowering,
    )


class Rig:
    def __init__(self, given: ShiftTraffic) -> None:
        self.one, self.two, self.three = Counted(20), Counted(20, refuses=True), Counted(20)
        found = (self.one, self.two, self.three)
        places: Any = {Place.of("shop", each): route for each, route in zip(REFERENCES, found, strict=True)}
        behind: Any = Behind()
        clock = ManualClock()
        fence: Any = Fenced(given, clock)
        self._work = Shift(given, places, behind, label="hash", fence=fence, clock=clock)

    def look(self) -> Outcome:
        return worst(asyncio.run(self._work.look()))


def test_what_one_route_refuses_the_others_give_back_and_it_is_asked_first_from_then_on() -> None:
    rig = Rig(order(50))
    refused = rig.look()
    assert isinstance(refused, Refused)
    assert "a webhook denied the request" in str(refused.problem)
    assert (rig.one.written, rig.three.written) == ([share(50), share(20)], [])
    assert isinstance(rig.look(), Refused)
    assert len(rig.one.written) == 2, "nothing is written again, and nobody woken by it, while it refuses"
    rig.two.refuses = False
    assert isinstance(rig.look(), Settled)
    assert [each.held for each in (rig.one, rig.two, rig.three)] == [share(50)] * 3


@pytest.mark.parametrize(("weight_percent", "lowering"), [(0, True), (0, False), (10, True)])
def test_requests_leave_by_each_route_whatever_another_refuses(weight_percent: int, lowering: bool) -> None:
    rig = Rig(order(weight_percent, lowering=lowering))
    assert isinstance(rig.look(), Refused)
    assert [rig.one.held, rig.three.held] == [share(weight_percent)] * 2


def test_the_raise_to_all_requests_is_of_all_routes_or_none_too() -> None:
    rig = Rig(order(100, lowering=True))
    assert isinstance(rig.look(), Refused)
    assert [rig.one.held, rig.three.held] == [share(20)] * 2


def test_what_has_to_be_given_back_is_remembered_until_it_is() -> None:
    rig = Rig(order(50))
    rig.two.refuses = False
    rig.two.unknown = rig.one.unknown_back = True
    with pytest.raises(UnknownOutcome):
        rig.look()
    rig.two.unknown, rig.two.refuses = False, True
    assert isinstance(rig.look(), Refused)
    assert rig.one.held == share(50), "nobody knows what came of the try"
    rig.one.unknown_back = False
    assert isinstance(rig.look(), Refused)
    assert rig.one.held == share(20)
