"""What marks tell of who has to be given what back."""

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.orders import ReleaseTraffic
from tidegate_contracts.rollout import TrafficReference
from tidegate_contracts.workload import WorkloadKey
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.giving_back import found
from tidegate_traffic_shifter.marks import Marks
from tidegate_traffic_shifter.router import Marked
from tidegate_traffic_shifter.seen import Service

WEB, SHOP = Marks("deployment.apps/web", 7), Marks("statefulset.apps/shop", 3)


def service(name: str, held: Marks, *, made_by_us: bool = False) -> tuple[Service, Marks]:
    labels = {marks.MANAGED_BY: marks.MANAGER} if made_by_us else {}
    return Service(
        metadata=ObjectMeta(name=name, namespace="shop", labels=labels, annotations=held.annotations())
    ), held


def orders(*args: object) -> dict[WorkloadKey, ReleaseTraffic]:
    return {key: order for key, order in found(*args) if isinstance(order, ReleaseTraffic)}  # type: ignore[arg-type]


def test_routes_and_services_of_one_workload_are_one_release_at_the_newest_fence() -> None:
    routes = [("gateway-http-route", Marked("shop", "web", "web", "web-canary", Marks(WEB.held_for, 5)))]
    services = [service("web", WEB), service("web-canary", WEB, made_by_us=True)]
    ((key, order),) = orders(routes, services).items()
    assert key == WorkloadKey("", "shop", "deployment.apps", "web")
    assert order.revision == 7
    assert order.traffic == (TrafficReference(route="web", service="web", canary_service="web-canary"),)


def test_what_was_pinned_before_any_route_was_written_and_what_was_left_last_are_found_alone() -> None:
    pinned = orders([], [service("web", WEB)])[WorkloadKey("", "shop", "deployment.apps", "web")]
    assert [(each.service, each.canary_service) for each in pinned.traffic] == [("web", "web.none")]
    left = orders([], [service("web-canary", WEB, made_by_us=True)])
    (order,) = left.values()
    assert [(each.service, each.canary_service) for each in order.traffic] == [("web-canary.none", "web-canary")]


def test_each_workload_gets_its_own() -> None:
    assert {
        key.name: order.revision for key, order in orders([], [service("web", WEB), service("shop", SHOP)]).items()
    } == {
        "web": 7,
        "shop": 3,
    }
