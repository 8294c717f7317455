"""Subsets are declared before any route names them, and taken back after: by the clock, with routes that are seen."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from support.clock import ManualClock
from unit.traffic_shifter.test_waits_of_routes import ALL, Behind, Fenced

from tidegate_chassis.errors import Permanent
from tidegate_contracts.orders import ShiftTraffic
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.routers import BUILT_IN
from tidegate_contracts.workload import WorkloadReference
from tidegate_traffic_shifter.endpoints import Endpoints
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Settled, worst
from tidegate_traffic_shifter.patience import WARM_UP_S
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.share import Revisions, Share
from tidegate_traffic_shifter.shift import Shift

GRACE_S = 1.0
NAMING, DECLARING = (
    TrafficReference(route="web", service="web", canary_service="web", router=router, grace_s=GRACE_S)
    for router in ("istio-virtual-service", "istio-destination-rule")
)
OLD = Revisions(label="hash", stable="old")
BOTH = replace(OLD, canary="new")


def share(weight_percent: int, revisions: Revisions) -> Share:
    return Share(service="web", canary_service="web", weight_percent=weight_percent, revisions=revisions)


class Seen:
    """A route of the kind that a router writes, taken as soon as it is written; every write is told in order."""

    def __init__(self, router: str, written: list[tuple[str, Share | None]], held: Share | None = None) -> None:
        self.abilities = BUILT_IN[router]
        self.held = held
        self.refuses = False
        self._name = router.removeprefix("istio-")
        self._written = written

    async def check(self, *arguments: object) -> None:
        del arguments

    async def share(self, *arguments: object) -> Share | None:
        del arguments
        return self.held

    async def shift(self, place: Place, wanted: Share, fence: object) -> Outcome:
        del place, fence
        if self.refuses:
            raise Permanent("a webhook denied the request", code="forbidden")
        return self._write(wanted)

    async def restore(self, *arguments: object) -> Outcome:
        del arguments
        return self._write(None)

    def _write(self, wanted: Share | None) -> Outcome:
        if self.held != wanted:
            self._written.append((self._name, wanted))
        self.held = wanted
        return Settled()


class Rig:
    def __init__(self, held: Share | None = None) -> None:
        self.clock = ManualClock()
        self.written: list[tuple[str, Share | None]] = []
        declared = held.emptied() if held else None
        # As a user may list them: who declares may well come last.
        self.places: Any = {
            Place.of("shop", NAMING): Seen("istio-virtual-service", self.written, held),
            Place.of("shop", DECLARING): Seen("istio-destination-rule", self.written, declared),
        }
        self.work: Any = None

    def order(self, weight_percent: int, *, canary: str | None = "new") -> None:
        order = ShiftTraffic(
            rollout="r1",
            revision=1,
            workload=WorkloadReference(name="web"),
            traffic=(NAMING, DECLARING),
            stable_revision="old",
            canary_revision=canary,
            weight_percent=weight_percent,
        )
        behind: Any = Behind()
        fence: Any = Fenced(order, self.clock)
        self.work = Shift(order, self.places, behind, label="hash", fence=fence, clock=self.clock)

    def release(self) -> None:
        behind: Any = Behind(web=Endpoints(ALL))
        self.work = Release(self.places, behind, label="hash", fence=None, clock=self.clock)  # type: ignore[arg-type]

    def look(self) -> Outcome:
        return worst(asyncio.run(self.work.look()))

    def settle(self) -> list[tuple[str, Share | None]]:
        """Until nothing is waited for; what was written meanwhile."""
        self.written.clear()
        for _ in range(20):
            outcome = self.look()
            if isinstance(outcome, Settled):
                return list(self.written)
            assert isinstance(outcome, Pending)
            assert outcome.again_s is not None
            self.clock.advance(outcome.again_s)
        raise AssertionError("it never settles")


def test_the_stable_version_is_declared_and_then_named_before_there_is_a_new_pod() -> None:
    rig = Rig()
    rig.order(0, canary=None)
    waits = rig.look()
    assert isinstance(waits, Pending)
    assert waits.again_s == pytest.approx(WARM_UP_S)
    assert rig.written == [("destination-rule", share(0, OLD))]
    assert rig.settle() == [("virtual-service", share(0, OLD))]


def test_the_new_version_is_declared_then_named_and_then_given_its_share_without_a_further_write() -> None:
    rig = Rig(share(0, OLD))
    rig.order(20)
    named, shared = ("virtual-service", share(0, BOTH)), ("virtual-service", share(20, BOTH))
    assert rig.settle() == [("destination-rule", share(0, BOTH)), named, shared]
    rig.order(50)
    assert rig.settle() == [("virtual-service", share(50, BOTH))], "one write for a share"
    rig.order(0)
    assert rig.settle() == [named]


def test_another_new_version_is_declared_when_the_former_one_gets_no_request_any_more() -> None:
    rig = Rig(share(20, replace(OLD, canary="former")))
    rig.order(50)
    assert isinstance(rig.look(), Pending)
    assert rig.written == [("virtual-service", share(0, replace(OLD, canary="former")))]
    rig.clock.advance(GRACE_S / 2)
    assert isinstance(rig.look(), Pending)
    assert len(rig.written) == 1, "within its grace time"
    assert [name for name, _ in rig.settle()] == ["destination-rule", "virtual-service", "virtual-service"]
    assert rig.written[-1] == ("virtual-service", share(50, BOTH))


def test_requests_leave_a_version_whatever_is_declared() -> None:
    rig = Rig(share(20, BOTH))
    declaring = rig.places[Place.of("shop", DECLARING)]
    declaring.held, declaring.refuses = None, True
    rig.order(0)
    assert isinstance(rig.look(), Refused)
    assert ("virtual-service", share(0, BOTH)) in rig.written


def test_requests_leave_to_the_versions_that_are_declared() -> None:
    former = replace(OLD, canary="former")
    rig = Rig(share(20, former))
    rig.order(0)
    assert isinstance(rig.look(), Pending)
    assert rig.written == [("virtual-service", share(0, former))], "the others are not declared yet"


@pytest.mark.parametrize("weight_percent", [0, 100])
def test_routes_go_back_at_once_and_what_they_named_a_while_later(weight_percent: int) -> None:
    """At a share of 100 % the stable subset has no pod any more: it gets no request on the way."""
    rig = Rig(share(weight_percent, BOTH))
    rig.release()
    waits = rig.look()
    if weight_percent:
        assert isinstance(waits, Pending), "as every release does, for proxies to know the Service"
        rig.clock.advance(WARM_UP_S)
        waits = rig.look()
    assert isinstance(waits, Pending)
    assert waits.again_s == pytest.approx(GRACE_S)
    assert rig.written == [("virtual-service", None)]
    rig.clock.advance(GRACE_S)
    assert isinstance(rig.look(), Settled)
    assert rig.written[1:] == [("destination-rule", None)]
