"""When a share may be written, and when a route may go back: by what is known of endpoints, and by the clock."""

import asyncio
from typing import Any

import pytest
from support.clock import ManualClock

from tidegate_chassis.errors import Permanent
from tidegate_contracts.orders import ShiftTraffic
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.routers import BUILT_IN
from tidegate_contracts.workload import WorkloadReference
from tidegate_traffic_shifter.contest import REPAIRS_MAX, Contest
from tidegate_traffic_shifter.endpoints import Endpoints, needed
from tidegate_traffic_shifter.outcome import Outcome, Pending, Refused, Repair, Settled, worst
from tidegate_traffic_shifter.patience import SLOWNESS_MAX_S, WARM_UP_S, patience_s
from tidegate_traffic_shifter.problems import refused_by_server
from tidegate_traffic_shifter.release import Release
from tidegate_traffic_shifter.router import Place
from tidegate_traffic_shifter.seen import Service, ServiceSpec
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.shift import ALL_READY_WAIT_S, ALL_THERE_WAIT_S, Shift

REFERENCE = TrafficReference(route="web", service="web", grace_s=1.0)
PLACE = Place.of("shop", REFERENCE)
ALL = frozenset("abcd")


class Behind:
    """Services as they are seen, and who stands behind them."""

    def __init__(self, **ready: Endpoints) -> None:
        self.ready = {"web": Endpoints(), "web-canary": Endpoints(ALL)} | ready
        self.others_know_s = 0.0
        self.pinned = self.opened = False

    async def find(self, place: Place, name: str, fence: object) -> Service:
        del place, fence
        return Service(metadata=Service().metadata.__class__(name=name), spec=ServiceSpec(selector={}))

    def endpoints(self, service: Service) -> Endpoints:
        return self.ready[service.metadata.name]

    def others_know_at_s(self, now_s: float) -> float:
        del now_s
        return self.others_know_s

    async def pin(self, *arguments: object) -> Outcome:
        self.pinned = True
        return await self.done(*arguments)

    async def open(self, *arguments: object) -> Outcome:
        self.pinned, self.opened = False, True
        return await self.done(*arguments)

    async def is_open(self, *arguments: object) -> bool:
        del arguments
        return self.opened

    async def covers(self, *arguments: object) -> Outcome:
        del arguments
        if self.ready["web-canary"].ready <= self.ready["web"].ready:
            return Settled()
        return Pending("not all")

    async def done(self, *arguments: object) -> Outcome:
        del arguments
        return Settled()

    async def nothing(self, *arguments: object) -> None:
        del arguments

    unpin = make_canary = delete_canary = done
    check = nothing


class Fenced:
    """A fence as far as it knows who gives up."""

    def __init__(self, order: ShiftTraffic, clock: ManualClock) -> None:
        self.contest = Contest(order, clock)


class Route:
    """One that is taken as soon as it is written."""

    abilities = BUILT_IN["gateway-http-route"]

    def __init__(self, weight_percent: int) -> None:
        self.held: Share | None = share(weight_percent)

    async def check(self, *arguments: object) -> None:
        del arguments

    async def share(self, *arguments: object) -> Share | None:
        del arguments
        return self.held

    async def shift(self, place: Place, wanted: Share, fence: object) -> Outcome:
        del place, fence
        self.held = wanted
        return Settled()

    async def restore(self, *arguments: object) -> Outcome:
        del arguments
        self.held = None
        return Settled()


def share(weight_percent: int) -> Share:
    return Share(service="web", canary_service="web-canary", weight_percent=weight_percent)


def looks(work: Any) -> Outcome:
    return worst(asyncio.run(work.look()))


def release(behind: Behind, route: Route, clock: ManualClock) -> Release:
    return Release({PLACE: route}, behind, label="hash", fence=None, clock=clock)  # type: ignore[arg-type,dict-item]


def shift(behind: Behind, route: Route, clock: ManualClock, canary_pods: int, weight_percent: int = 100) -> Shift:
    order = ShiftTraffic(
        rollout="r1",
        revision=1,
        workload=WorkloadReference(name="web"),
        traffic=(REFERENCE,),
        stable_revision="old",
        canary_revision="new",
        canary_pods=canary_pods,
        weight_percent=weight_percent,
    )
    places: Any = {PLACE: route}
    fence: Any = Fenced(order, clock)
    return Shift(order, places, behind, label="hash", fence=fence, clock=clock)  # type: ignore[arg-type]


def test_a_route_with_a_share_goes_back_after_proxies_had_time_to_hear_who_stands_behind_its_service() -> None:
    clock, behind, route = ManualClock(), Behind(), Route(100)
    work = release(behind, route, clock)
    assert isinstance(looks(work), Pending), "nobody stands behind the stable Service"
    behind.ready["web"] = Endpoints(ALL)
    waits = looks(work)
    assert isinstance(waits, Pending)
    assert waits.again_s == pytest.approx(WARM_UP_S)
    assert route.held == share(100)
    clock.advance(WARM_UP_S)
    assert isinstance(looks(work), Pending), "its grace time"
    assert route.held == share(0)
    clock.advance(REFERENCE.grace_s)
    assert isinstance(looks(work), Settled)
    assert route.held is None


def test_after_an_api_server_that_was_away_a_route_goes_back_when_everybody_follows_it_again() -> None:
    clock, behind, route = ManualClock(), Behind(web=Endpoints(ALL)), Route(100)
    behind.others_know_s = clock.monotonic_s() + 20.0
    work = release(behind, route, clock)
    looks(work)
    clock.advance(19.0)
    looks(work)
    assert route.held == share(100)
    clock.advance(1.0)
    looks(work)
    assert route.held == share(0)


def test_endpoints_that_vanish_meanwhile_are_waited_for_anew() -> None:
    clock, behind, route = ManualClock(), Behind(web=Endpoints(ALL)), Route(100)
    work = release(behind, route, clock)
    looks(work)
    behind.ready["web"] = Endpoints()
    looks(work)
    clock.advance(WARM_UP_S)
    behind.ready["web"] = Endpoints(ALL)
    looks(work)
    assert route.held == share(100)


def test_a_route_without_a_share_goes_back_at_once() -> None:
    clock, route = ManualClock(), Route(0)
    assert isinstance(looks(release(Behind(web=Endpoints(ALL)), route, clock)), Settled)
    assert route.held is None


def test_a_share_waits_for_an_endpoint_of_each_ready_pod_but_not_for_ever() -> None:
    clock, route = ManualClock(), Route(20)
    behind = Behind(**{"web-canary": Endpoints(frozenset("ab"))})
    work = shift(behind, route, clock, canary_pods=4)
    waits = looks(work)
    assert isinstance(waits, Pending)
    assert "2 of the ready pods" in waits.reason
    clock.advance(ALL_READY_WAIT_S)
    looks(work)
    assert route.held == share(20)
    behind.ready["web-canary"] = Endpoints(ALL)
    looks(work)
    assert route.held == share(100)


def test_endpoints_that_never_come_leave_the_share_to_those_that_are_there() -> None:
    clock, route = ManualClock(), Route(20)
    work = shift(Behind(**{"web-canary": Endpoints(frozenset("ab"))}), route, clock, canary_pods=4)
    looks(work)
    clock.advance(ALL_THERE_WAIT_S)
    looks(work)
    assert route.held == share(100)


def test_a_share_waits_for_as_many_as_carry_it_like_the_stable_ones_until_the_orders_deadline() -> None:
    clock, route = ManualClock(), Route(20)
    behind = Behind(web=Endpoints(frozenset("efghijkl")), **{"web-canary": Endpoints(frozenset("abc"))})
    work = shift(behind, route, clock, canary_pods=6, weight_percent=40)
    assert isinstance(looks(work), Pending)
    clock.advance(ALL_THERE_WAIT_S)
    waits = looks(work)
    assert waits == Pending("Service web-canary has 3 ready endpoints, and 40 % of the requests need 4")
    assert route.held == share(20)
    behind.ready["web-canary"] = Endpoints(ALL)
    assert isinstance(looks(work), Settled)
    assert route.held == share(40)
    behind.ready["web-canary"] = Endpoints(frozenset("a"))
    assert isinstance(looks(work), Settled), "what it has already is not what this is about"


@pytest.mark.parametrize(
    ("weight_percent", "before_percent", "stable", "reported", "expected"),
    [
        (20, 0, 10, 2, 2),
        (20, 0, 10, 9, 2),
        (50, 0, 10, 1, 1),
        (50, 20, 8, 9, 5),
        (100, 50, 5, 10, 10),
        (100, 0, 10, 10, 10),
        (1, 0, 10, 3, 1),
        (20, 50, 5, 5, 0),
        (0, 0, 10, 3, 0),
        (50, 50, 5, 5, 0),
        (50, 0, 0, 5, 0),
        (50, 0, 10, 0, 0),
    ],
)
def test_a_share_needs_as_many_as_carry_it_as_the_stable_ones_do_and_no_more_than_the_step_has(
    weight_percent: int, before_percent: int, stable: int, reported: int, expected: int
) -> None:
    assert needed(weight_percent, before_percent=before_percent, stable=stable, reported=reported) == expected


def test_a_new_version_that_nobody_answers_for_any_more_gets_no_request_whatever_the_step_says() -> None:
    clock, route, behind = ManualClock(), Route(0), Behind(web=Endpoints(frozenset("z")))
    work = shift(behind, route, clock, canary_pods=4)
    looks(work)
    clock.advance(WARM_UP_S)
    looks(work)
    assert route.held == share(100)
    behind.ready["web-canary"] = Endpoints(unready=ALL)
    waits = looks(work)
    assert isinstance(waits, Pending)
    assert "no ready endpoint" in waits.reason
    assert route.held == share(0)
    behind.ready["web-canary"] = Endpoints(ALL)
    waits = looks(work)
    assert isinstance(waits, Pending)
    assert (route.held, waits.again_s) == (share(0), pytest.approx(WARM_UP_S)), "proxies learn of them as before"
    clock.advance(WARM_UP_S)
    looks(work)
    assert route.held == share(100)


def test_requests_leave_a_new_version_that_nobody_answers_for_whatever_else_is_wrong() -> None:
    route, behind = Route(50), Behind(**{"web": Endpoints(frozenset("z")), "web-canary": Endpoints()})
    work = shift(behind, route, ManualClock(), canary_pods=4)

    async def wrong(*arguments: object) -> Outcome:
        del arguments
        return Refused(refused_by_server(Permanent("no", code="forbidden")))

    behind.make_canary = wrong  # type: ignore[method-assign]
    assert isinstance(looks(work), Refused)
    assert route.held == share(0)
    route.held, behind.check = share(50), wrong  # type: ignore[assignment,method-assign]
    assert isinstance(looks(work), Refused)
    assert route.held == share(0)


class Contested(Route):
    """Whose share somebody keeps writing."""

    edited = False

    async def shift(self, place: Place, wanted: Share, fence: Any) -> Outcome:  # type: ignore[override]
        fence.contest.repairing(Repair("the rules of HTTPRoute web", "a-tool") if self.edited else None)
        self.edited = False
        return await super().shift(place, wanted, fence)


def test_requests_leave_a_new_version_that_nobody_answers_for_however_often_somebody_writes_its_share() -> None:
    route, behind = Contested(50), Behind(web=Endpoints(frozenset("z")))
    work = shift(behind, route, ManualClock(), canary_pods=4, weight_percent=50)
    for _ in range(REPAIRS_MAX):
        route.edited = True
        assert isinstance(looks(work), Settled)
    route.edited = True
    assert isinstance(looks(work), Refused)
    assert route.edited, "it is not fought"
    behind.ready["web-canary"] = Endpoints()
    for _ in range(2):
        route.edited = True
        assert isinstance(looks(work), Pending)
        assert not route.edited
        assert route.held == share(0)
    behind.ready["web-canary"], route.edited = Endpoints(ALL), True
    assert isinstance(looks(work), Refused)
    assert route.edited, "nor is it afterwards"


def test_a_share_stays_where_nobody_else_could_answer_either() -> None:
    route, behind = Route(100), Behind(**{"web-canary": Endpoints()})
    assert isinstance(looks(shift(behind, route, ManualClock(), canary_pods=4)), Pending)
    assert route.held == share(100)


def test_the_stable_service_has_all_pods_again_before_its_own_may_go() -> None:
    behind, route = Behind(web=Endpoints(frozenset("z"))), Route(20)
    work = shift(behind, route, ManualClock(), canary_pods=4)
    assert isinstance(looks(work), Pending), "nobody of the new version stands behind it yet"
    assert route.held == share(100)
    behind.ready["web"] = Endpoints(ALL | {"z"})
    assert isinstance(looks(work), Settled)
    assert not behind.pinned
    assert isinstance(looks(shift(behind, route, ManualClock(), canary_pods=4)), Settled)
    assert not behind.pinned, "nor by a copy that takes over"
    route.held = share(0)
    looks(shift(behind, route, ManualClock(), canary_pods=4))
    assert not behind.pinned, "nor when somebody edits the route: the stable pods may be gone"


@pytest.mark.parametrize(
    ("least_s", "answered_after_s", "expected_s"),
    [(0.3, 0.1, 0.3), (0.5, 1.0, 2.0), (3.0, 1.0, 3.0), (0.5, 60.0, SLOWNESS_MAX_S), (30.0, 60.0, 30.0)],
)
def test_whoever_answers_late_gets_more_time(least_s: float, answered_after_s: float, expected_s: float) -> None:
    assert patience_s(least_s, answered_after_s) == expected_s
