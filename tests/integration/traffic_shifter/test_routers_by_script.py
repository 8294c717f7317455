"""What scripts make of objects: the routers' kit on Istio's built-in ones, and ingress classes beside our own formats.

The scripts run in their real process; nothing else is needed.
"""

import asyncio
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from support.scripts import script

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_contracts.routers import BUILT_IN, Abilities
from tidegate_traffic_shifter.canary_ingress import own_annotations
from tidegate_traffic_shifter.conformance import CANARY, broken, shares_of
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.lua.answer import Failed, Result
from tidegate_traffic_shifter.lua.runner import Runner
from tidegate_traffic_shifter.routers.ingress_mse import IngressMse
from tidegate_traffic_shifter.routers.ingress_nginx import IngressNginx
from tidegate_traffic_shifter.script_parts import Part, annotations_of, ingress_input, object_input, part_of
from tidegate_traffic_shifter.scripted_ingress import ScriptedIngress
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.three_way import merge

VIRTUAL_SERVICES = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService")
SPEC = {
    "hosts": ["web"],
    "gateways": ["mesh"],
    "http": [
        {"name": "docs", "match": [{"uri": {"prefix": "/docs"}}], "route": [{"destination": {"host": "docs"}}]},
        {"name": "all", "timeout": "3s", "route": [{"destination": {"host": "web", "port": {"number": 80}}}]},
    ],
}


class Running:
    """Scripts for code that doesn't wait."""

    def __init__(self, loop: asyncio.Runner) -> None:
        self._loop = loop
        self._runner = Runner()

    def __call__(self, source: str, given: Any) -> Result:
        return self._loop.run(self._runner.run(source, given))


@pytest.fixture
def run() -> Iterator[Running]:
    with asyncio.Runner() as loop:
        yield Running(loop)


def built_in(name: str) -> str:
    return files("tidegate_traffic_shifter.scripts").joinpath(f"{name}.lua").read_text()


def made(run: Running, name: str, spec: dict[str, Any], share: Share) -> dict[str, Any]:
    part = part_of(run(built_in(name), object_input(Part(spec=spec), share)))
    assert isinstance(part, Part), part
    return part.spec


def in_order(found: dict[str, Any]) -> dict[str, Any]:
    """Lua's tables have no order, and the kit compares texts."""
    ordered: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found, order="sorted"))
    return ordered


class VirtualServices:
    """A `Rewritten` format, as `scripting` treats one."""

    resource = VIRTUAL_SERVICES
    abilities = BUILT_IN["script"]

    def __init__(self, run: Running) -> None:
        self._run = run

    def objection(self, route: Route) -> str | None:
        del route
        return None

    def part(self, route: Route) -> dict[str, Any]:
        return in_order(route.spec)

    def patch(self, part: Any) -> Body:
        return {"spec": part}

    def holds(self, part: Any, namespace: str, service: str) -> bool:
        del namespace
        rules = [rule for kind in ("http", "tcp", "tls") for rule in part.get(kind, [])]
        return service in {each["destination"]["host"] for rule in rules for each in rule.get("route", [])}

    def has_room(self, original: Any, namespace: str, share: Share) -> bool:
        del original, namespace, share
        return True

    def render(self, original: Any, namespace: str, share: Share) -> Any:
        del namespace
        return in_order(made(self._run, "virtual_service", original, share))

    def recover(self, edited: Any, original: Any, namespace: str, share: Share) -> Any:
        return merge(original, self.render(original, namespace, share), edited).part


class IngressesBy(IngressNginx):
    """A `Beside` format whose annotations a script says."""

    def __init__(self, run: Running, source: str, abilities: Abilities) -> None:
        self.abilities = abilities  # type: ignore[misc]
        self._run = run
        self._source = source

    def canary(self, route: Route, share: Share) -> Body:
        said = annotations_of(self._run(self._source, ingress_input(own_annotations(route), share)))
        assert not isinstance(said, Failed), said
        return ScriptedIngress(said, self.abilities).canary(route, share)

    def repair(self, found: Route, wanted: Body) -> Body | None:
        return ScriptedIngress({}, self.abilities).repair(found, wanted)


def ingress(**annotations: str) -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    metadata = {"name": "web", "namespace": "shop", "labels": {"app": "web"}, "annotations": annotations}
    spec = {"ingressClassName": "x", "rules": [{"host": "web.example", "http": {"paths": [path]}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def test_istios_built_in_script_keeps_every_promise(run: Running) -> None:
    manifest = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"hosts": ["web"], "http": [SPEC["http"][1]]},
    }
    assert broken(VirtualServices(run), in_order(manifest), "web") == []


@pytest.mark.parametrize(("name", "form"), [("ingress_nginx", IngressNginx()), ("ingress_mse", IngressMse())])
def test_a_script_for_an_ingress_class_keeps_every_promise_and_says_what_our_own_format_says(
    run: Running, name: str, form: Any
) -> None:
    by_script = IngressesBy(run, script(name), form.abilities)
    subset = "mse.ingress.kubernetes.io/service-subset"
    manifest = ingress(**{"team": "a", form.prefix + "canary-weight": "7"} | ({subset: "x"} if "mse" in name else {}))
    assert broken(by_script, manifest, "web") == []
    route = msgspec.convert(manifest, Route)
    for what, share in shares_of(form.abilities, "web").items():
        said = by_script.canary(route, share)["metadata"]["annotations"]
        said.pop("tidegate.io/script-annotations")
        assert said == form.canary(route, share)["metadata"]["annotations"], what


def test_a_share_of_a_virtual_service_leaves_rules_with_conditions_alone(run: Running) -> None:
    docs, shared = made(run, "virtual_service", SPEC, Share(service="web", canary_service=CANARY, weight_percent=20))[
        "http"
    ]
    assert docs == SPEC["http"][0]
    assert shared == SPEC["http"][1] | {
        "route": [
            {"destination": {"host": "web", "port": {"number": 80}}, "weight": 80},
            {"destination": {"host": CANARY}, "weight": 20},
        ]
    }


@pytest.mark.parametrize("kind", ["http", "tcp", "tls"])
def test_the_users_destinations_keep_their_proportions_rounded_down(run: Running, kind: str) -> None:
    route = [{"destination": {"host": "web.shop.svc"}, "weight": 70}, {"destination": {"host": "old"}, "weight": 30}]
    share = Share(service="web", canary_service=CANARY, weight_percent=15)
    ((rule,),) = [made(run, "virtual_service", {kind: [{"route": route}]}, share)[kind]]
    assert [each["weight"] for each in rule["route"]] == [59, 25, 15]


def test_each_match_is_a_rule_in_front_the_last_one_first(run: Running) -> None:
    matches = (
        HttpMatch(headers={"user": "ann"}, query_regex={"beta": "y.*"}),
        HttpMatch(path_prefix="/new"),
    )
    share = Share(
        service="web",
        canary_service="web",
        matches=matches,
        request_headers=HeaderChange(set={"x": "1"}, remove=("y",)),
    )
    by_path, by_user, *own = made(run, "virtual_service", SPEC, share)["http"]
    to = {"route": [{"destination": {"host": "web", "subset": "canary"}}]}
    headers = {"headers": {"request": {"set": {"x": "1"}, "remove": ["y"]}}}
    assert by_path == {"match": [{"uri": {"prefix": "/new"}}]} | to | headers
    conditions = {"headers": {"user": {"exact": "ann"}}, "queryParams": {"beta": {"regex": "y.*"}}}
    assert by_user == {"match": [conditions]} | to | headers
    assert own == SPEC["http"]


def test_a_destination_rule_gets_a_subset_for_the_pods_that_are_tagged(run: Running) -> None:
    share = Share(service="web", canary_service="web", weight_percent=20)
    subset = {"name": "canary", "labels": {"istio.service.tag": "gray"}}
    assert made(run, "destination_rule", {"host": "web"}, share) == {"host": "web", "subsets": [subset]}
    stable = {"name": "stable", "labels": {"version": "v1"}}
    assert made(run, "destination_rule", {"host": "web", "subsets": [stable]}, share)["subsets"] == [stable, subset]


def test_a_script_is_given_what_kruise_gives(run: Running) -> None:
    match = HttpMatch(
        headers={"a": "1"}, headers_regex={"b": ".*"}, query={"c": "2"}, query_regex={"d": "x+"}, path_regex="/e.*"
    )
    share = Share(
        service="web",
        canary_service="web-canary",
        matches=(match,),
        request_headers=HeaderChange(set={"x": "1"}, add={"y": "2"}, remove=("z",)),
    )
    spoken = "return {spec = {told = obj}}"
    part = part_of(run(spoken, object_input(Part(spec={"a": 1}, labels={"b": "c"}, annotations={"d": "e"}), share)))
    assert isinstance(part, Part)
    assert part.spec["told"] == {
        "data": {"spec": {"a": 1}, "labels": {"b": "c"}, "annotations": {"d": "e"}},
        "canaryWeight": -1,
        "stableWeight": 101,
        "canaryService": "web-canary",
        "stableService": "web",
        "matches": [
            {
                "path": {"type": "RegularExpression", "value": "/e.*"},
                "headers": [
                    {"type": "Exact", "name": "a", "value": "1"},
                    {"type": "RegularExpression", "name": "b", "value": ".*"},
                ],
                "queryParams": [
                    {"type": "Exact", "name": "c", "value": "2"},
                    {"type": "RegularExpression", "name": "d", "value": "x+"},
                ],
            }
        ],
        "requestHeaderModifier": {
            "set": [{"name": "x", "value": "1"}],
            "add": [{"name": "y", "value": "2"}],
            "remove": ["z"],
        },
    }
    given = run("return {json = require('json').encode(obj)}", ingress_input({"a": "b"}, share))
    assert isinstance(given, dict)
    told = msgspec.json.decode(given["json"])
    assert (told["weight"], told["annotations"], told["canaryService"]) == ("-1", {"a": "b"}, "web-canary")


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("{}", "it returned no spec"),
        ("{spec = 1}", "spec, labels and annotations"),
        ("{spec = {}, status = {}}", "it returned 'status'"),
        ("{spec = {}, labels = {a = 1}}", "Expected `str`"),
        ('{spec = {}, annotations = {["tidegate.io/share"] = "x"}}', "ours alone"),
    ],
)
def test_an_answer_that_is_no_object_is_told(run: Running, returned: str, reason: str) -> None:
    found = part_of(run(f"return {returned}", {}))
    assert isinstance(found, Failed)
    assert reason in found.reason


def test_an_answer_that_is_no_annotations_is_told(run: Running) -> None:
    found = annotations_of(run("return {weight = 5}", {}))
    assert isinstance(found, Failed)
    assert "no annotations" in found.reason
