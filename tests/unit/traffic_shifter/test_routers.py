"""Every router that is installed passes the conformance kit, and the kit finds what a router could get wrong."""

from typing import Any

import pytest
from support.routes import BACKEND, MANIFESTS, gateway_route

from tidegate_chassis.plugins import Plugins
from tidegate_contracts.routers import BUILT_IN, REWRITTEN
from tidegate_traffic_shifter.catalogue import ROUTERS, formats
from tidegate_traffic_shifter.conformance import broken
from tidegate_traffic_shifter.formats import ByScript, Format, Rewritten
from tidegate_traffic_shifter.routers.gateway_http_route import GatewayHttpRoute
from tidegate_traffic_shifter.routers.ingress_aws_alb import OURS, IngressAwsAlb
from tidegate_traffic_shifter.routers.ingress_nginx import IngressNginx
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

INSTALLED = formats()
FORMATS = {name: form for name, form in INSTALLED.items() if not isinstance(form, ByScript)}
"""What scripts say is tried in tests/integration/traffic_shifter/test_routers_by_script.py."""


def _like(form: Format) -> str:
    """The name of the built-in router that the form is made of."""
    return next(name for name, each in FORMATS.items() if isinstance(form, type(each)))


@pytest.mark.parametrize("name", FORMATS)
def test_a_router_keeps_every_promise(name: str) -> None:
    form = FORMATS[name]
    assert broken(form, MANIFESTS[name], "web") == []


def test_the_contracts_know_what_every_built_in_router_can() -> None:
    assert {name: form.abilities for name, form in INSTALLED.items()} == BUILT_IN
    kinds = {name: form.resource.kind for name, form in FORMATS.items() if isinstance(form, Rewritten)}
    assert kinds == REWRITTEN
    assert set(Plugins(ROUTERS, Format).names) == set(INSTALLED)


class Forgetful(GatewayHttpRoute):
    """Puts back rules, but not as they were."""

    def patch(self, part: Any) -> dict[str, Any]:
        return {"spec": {"rules": [rule | {"timeouts": {}} for rule in part]}}


class Careless(GatewayHttpRoute):
    """Leaves the matches out."""

    def render(self, original: Any, namespace: str, share: Share) -> Any:
        return super().render(original, namespace, share.emptied() if share.matches else share)


class Sticky(GatewayHttpRoute):
    """Takes what it wrote for the user's own."""

    def recover(self, edited: Any, original: Any, namespace: str, share: Share) -> Any:
        del original, namespace, share
        return edited


class Silent(IngressNginx):
    """Promises what nginx has no annotation for."""

    abilities = FORMATS["gateway-http-route"].abilities


class Overstepping(IngressAwsAlb):
    """Writes what is not its own to write."""

    def patch(self, part: Any) -> dict[str, Any]:
        return super().patch(part) | {"status": {}}


class Lasting(IngressAwsAlb):
    """Leaves annotations that it doesn't know again."""

    def part(self, route: Route) -> Any:
        found = super().part(route)
        return found | {"annotations": {key: text for key, text in found["annotations"].items() if OURS not in key}}


class Traces(IngressNginx):
    """Never takes an annotation away."""

    def repair(self, found: Route, wanted: dict[str, Any]) -> dict[str, Any] | None:
        return super().repair(found, wanted) and {"metadata": wanted["metadata"]}


@pytest.mark.parametrize(
    ("form", "promise"),
    [
        (Forgetful(), "restores the user's own object byte for byte"),
        (Careless(), "says by headers otherwise than nothing"),
        (Sticky(), "finds the user's own part again: 20 %"),
        (Silent(), "says by query otherwise than by headers"),
        (Overstepping(), "writes the spec, labels and annotations only"),
        (Lasting(), "gives back the user's own object, and nothing stays of ours: by headers"),
        (Traces(), "comes from by headers to 20 % without a trace"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_the_kit_finds_a_router_that_breaks_a_promise(form: Format, promise: str) -> None:
    found = broken(form, MANIFESTS[_like(form)], "web")
    assert any(each.startswith(promise.partition(" otherwise")[0]) for each in found), found


def test_a_route_that_sends_elsewhere_holds_nothing_of_the_services() -> None:
    elsewhere = gateway_route("HTTPRoute", {"backendRefs": [BACKEND | {"namespace": "other"}]})
    form = FORMATS["gateway-http-route"]
    assert isinstance(form, Rewritten)
    assert not form.holds(elsewhere["spec"]["rules"], "shop", "web")
