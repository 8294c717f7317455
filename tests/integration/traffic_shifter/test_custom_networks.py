"""Objects of a made-up kind and an Ingress of a made-up class, by scripts in a ConfigMap, on a real API server."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.sandbox import kubectl
from support.traffic import GRACE_S, HASH, TrafficRig, service
from support.until import until

from tidegate_chassis.kubernetes.resources import INGRESSES, SERVICES, Resource
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.kruises_hold import ORIGINAL
from tidegate_contracts.rollout import TrafficReference
from tidegate_sandbox.state import SandboxState
from tidegate_traffic_shifter.giving_back import found
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.script_sources import CONFIG_MAP

pytestmark = pytest.mark.sandbox

GROUP = "doors.example.org"
DOORS = Resource(GROUP, "v1", "doors", "Door")
SYSTEM = "tidegate-system"
SCRIPTS = {
    f"lua.traffic.routing.Door.{GROUP}": """
        local spec = obj.data.spec
        spec.ways[1].parts = obj.stableWeight
        table.insert(spec.ways, { to = obj.canaryService, parts = obj.canaryWeight })
        obj.data.labels.shared = "yes"
        return obj.data
    """,
    "lua.traffic.routing.ingress.Made-up": """
        obj.annotations["made-up/share"] = obj.weight
        if obj.weight ~= "0" then
          obj.annotations["made-up/to-" .. obj.canaryService] = "open"
        end
        return obj.annotations
    """,
}


def definition() -> dict[str, Any]:
    """With defaults that a script doesn't know of."""
    way = {"to": {"type": "string"}, "parts": {"type": "integer"}, "mode": {"type": "string", "default": "plain"}}
    ways = {"type": "array", "items": {"type": "object", "properties": way}}
    spec = {"type": "object", "properties": {"ways": ways, "note": {"type": "string"}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"doors.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": "doors", "singular": "door", "kind": "Door"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def rights() -> list[dict[str, Any]]:
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [GROUP], "resources": ["doors"], "verbs": ["get", "list", "watch", "patch"]}
    whole = {"apiVersion": f"{group}/v1", "metadata": {"name": "test-doors"}}
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": "test-doors"}
    subject = {"kind": "ServiceAccount", "name": "traffic-shifter", "namespace": SYSTEM}
    return [
        whole | {"kind": "ClusterRole", "rules": [rule]},
        whole | {"kind": "ClusterRoleBinding", "roleRef": reference, "subjects": [subject]},
    ]


def door() -> dict[str, Any]:
    metadata = {"name": "front", "labels": {"team": "a"}, "annotations": {"why": "because"}}
    spec = {"ways": [{"to": "web"}], "note": "mine"}
    return {"apiVersion": DOORS.api_version, "kind": DOORS.kind, "metadata": metadata, "spec": spec}


def ingress() -> dict[str, Any]:
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    spec = {"ingressClassName": "none", "rules": [{"host": "made-up.example", "http": {"paths": [path]}}]}
    metadata = {"name": "side", "annotations": {"team": "a"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}


def listed(*manifests: dict[str, Any]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})


@pytest.fixture
def doors(sandbox: SandboxState) -> Iterator[None]:
    """A cluster with a kind of its own and scripts for it; the right to write it is not granted yet."""
    scripts = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": CONFIG_MAP, "namespace": SYSTEM}}
    manifests = listed(definition(), scripts | {"data": SCRIPTS})
    kubectl(sandbox, "apply", "-f", "-", manifest=manifests)
    kubectl(sandbox, "wait", "--for=condition=Established", f"crd/doors.{GROUP}", "--timeout=20s")
    yield
    kubectl(sandbox, "delete", "--ignore-not-found", "-f", "-", manifest=listed(*rights()))
    kubectl(sandbox, "delete", "--wait=false", "-f", "-", manifest=manifests)


def references(*, one_service: bool = False) -> tuple[TrafficReference, ...]:
    by_script = TrafficReference(
        route="front",
        service="web",
        canary_service="web" if one_service else None,
        router="script",
        kind=DOORS.kind,
        api_version=DOORS.api_version,
        grace_s=GRACE_S,
    )
    beside = TrafficReference(
        route="side", service="web", router="ingress-script", class_type="Made-up", grace_s=GRACE_S
    )
    return (by_script,) if one_service else (by_script, beside)


async def ways(rig: TrafficRig) -> list[tuple[str, int | None]]:
    return [(each["to"], each.get("parts")) for each in (await rig.read(DOORS, "front"))["spec"]["ways"]]


async def own(rig: TrafficRig) -> list[Any]:
    read = [await rig.read(DOORS, "front"), await rig.read(INGRESSES, "side"), await rig.read(SERVICES)]
    return [(each["spec"], each["metadata"].get("labels"), each["metadata"].get("annotations")) for each in read]


async def edits_are_kept_or_told(rig: TrafficRig, traffic: tuple[TrafficReference, ...]) -> None:
    generation = (await rig.read(DOORS, "front"))["metadata"]["generation"]
    # What is as wanted is left alone, defaults of the API server's included.
    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    assert (await rig.read(DOORS, "front"))["metadata"]["generation"] == generation

    # An edit beside our part is the user's own from now on.
    await rig.edit(DOORS, {"spec": {"note": "edited"}, "metadata": {"annotations": {"more": "x"}}}, "front")
    repaired = await rig.fact(TrafficRepaired)
    assert (repaired.what, repaired.by) == ("Door front", "a-user")
    assert await ways(rig) == [("web", 80), ("web-canary", 20)]

    # An edit of our part is told and stands, until requests have to leave.
    edited = [{"to": "web", "parts": 50}, {"to": "web-canary", "parts": 50}]
    await rig.edit(DOORS, {"spec": {"ways": edited}}, "front")
    refused = await rig.fact(TrafficRefused)
    assert "spec.ways" in refused.problem.value
    assert "a-user" in refused.problem.rule
    await rig.obey(rig.shift(0, traffic=traffic, lowering=True), TrafficShifted)
    assert await ways(rig) == [("web", 100), ("web-canary", 0)]


async def is_found_without_an_order(rig: TrafficRig) -> None:
    # A copy that knows nothing of the order finds what has to be given back.
    held = [(name, each) for name, router in rig.routers.items() for each in await router.marked()]
    (release,) = found([each for each in held if each[1].namespace == rig.namespace], [])
    assert {(each.router, each.route, each.kind) for each in release.order.traffic} == {
        ("script", "front", "Door"),
        ("ingress-script", "side", None),
    }


async def test_objects_by_script_change_together_keep_edits_and_are_given_back(
    rig: TrafficRig, sandbox: SandboxState, doors: None
) -> None:
    del doors
    await asyncio.gather(
        rig.admin.create(SERVICES, rig.namespace, service()),
        rig.admin.create(DOORS, rig.namespace, door()),
        rig.admin.create(INGRESSES, rig.namespace, ingress()),
        rig.run_pods("v1", 1),
        rig.run_pods("v2", 1),
    )
    before, traffic = await own(rig), references()

    # Without the right to write the kind nothing is written at all, and what is missing is told.
    refused = await rig.obey(rig.shift(20, traffic=traffic), TrafficRefused)
    assert "get, list, watch, patch" in refused.problem.rule
    assert f"doors.{GROUP}" in refused.problem.remedy
    assert await own(rig) == before
    kubectl(sandbox, "apply", "-f", "-", manifest=listed(*rights()))

    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    assert await ways(rig) == [("web", 80), ("web-canary", 20)]
    changed = await rig.read(DOORS, "front")
    assert changed["metadata"]["labels"] == {"team": "a", "shared": "yes"}
    assert await said(rig) == {"team": "a", "made-up/share": "20", "made-up/to-web-canary": "open"}

    await edits_are_kept_or_told(rig, traffic)

    await is_found_without_an_order(rig)
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    (spec, labels, annotations), *others = await own(rig)
    was, *others_were = before
    assert (spec, labels, annotations) == (was[0] | {"note": "edited"}, was[1], was[2] | {"more": "x"})
    assert others == others_were
    assert not await rig.exists(INGRESSES, "side-canary")


async def test_one_service_for_both_versions_is_left_alone(rig: TrafficRig, sandbox: SandboxState, doors: None) -> None:
    del doors
    kubectl(sandbox, "apply", "-f", "-", manifest=listed(*rights()))
    await asyncio.gather(
        rig.admin.create(SERVICES, rig.namespace, service()),
        rig.admin.create(DOORS, rig.namespace, door()),
        rig.run_pods("v1", 1),
        rig.run_pods("v2", 1),
    )
    traffic = references(one_service=True)
    version = (await rig.read(SERVICES))["metadata"]["resourceVersion"]
    original = (await rig.read(DOORS, "front"))["spec"]
    # What Kruise shifts has its user's own spec in an annotation: what stands there isn't that.
    await rig.edit(DOORS, {"metadata": {"annotations": {ORIGINAL: "{}"}}}, "front")
    refused = await rig.obey(rig.shift(30, traffic=traffic), TrafficRefused)
    assert ORIGINAL in refused.problem.rule
    await rig.edit(DOORS, {"metadata": {"annotations": {ORIGINAL: None}}}, "front")
    await rig.obey(rig.shift(30, traffic=traffic), TrafficShifted)
    assert await ways(rig) == [("web", 70), ("web", 30)]
    assert not await rig.exists(SERVICES, "web-canary")
    await rig.delete(DOORS, "front")
    await rig.fact(TrafficRefused, lambda fact: fact.problem.value == "front")
    await rig.admin.create(DOORS, rig.namespace, door())
    await until(lambda: len(rig.facts(TrafficShifted)) > 1, within_s=10.0)
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert (await rig.read(DOORS, "front"))["spec"] == original
    assert FIELD_MANAGER not in await rig.owners(DOORS, "front")
    assert (await rig.read(SERVICES))["metadata"]["resourceVersion"] == version


async def test_a_script_for_a_class_that_is_built_in_goes_first_until_the_canary_ingress_is_gone(
    rig: TrafficRig, sandbox: SandboxState, doors: None
) -> None:
    del doors
    await asyncio.gather(
        rig.admin.create(SERVICES, rig.namespace, service()),
        rig.admin.create(INGRESSES, rig.namespace, ingress()),
        rig.run_pods("v1", 1),
        rig.run_pods("v2", 1),
    )
    traffic = (TrafficReference(route="side", service="web", router="ingress-nginx", grace_s=GRACE_S),)
    # A revision in the selector is what another tool's release left: it would come back at the end.
    await rig.edit(SERVICES, {"spec": {"selector": {HASH: rig.revisions["v1"]}}})
    refused = await rig.obey(rig.shift(20, traffic=traffic), TrafficRefused)
    assert HASH in refused.problem.rule
    await rig.edit(SERVICES, {"spec": {"selector": {HASH: None}}})
    ours = {"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "20"}
    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    assert await said(rig) == ours | {"team": "a"}

    # A script that comes meanwhile waits for the next canary Ingress.
    script(sandbox, SCRIPTS["lua.traffic.routing.ingress.Made-up"])
    await rig.obey(rig.shift(40, traffic=traffic), TrafficShifted)
    assert (await said(rig))["nginx.ingress.kubernetes.io/canary-weight"] == "40"
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)

    await rig.obey(rig.shift(20, traffic=traffic), TrafficShifted)
    assert await said(rig) == {"team": "a", "made-up/share": "20", "made-up/to-web-canary": "open"}

    # What was made by a script is not carried on by ours.
    script(sandbox, None)
    refused = await rig.obey(rig.shift(40, traffic=traffic), TrafficRefused)
    assert "lua.traffic.routing.ingress.nginx" in str(refused.problem)
    assert (await said(rig))["made-up/share"] == "20"
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert not await rig.exists(INGRESSES, "side-canary")


def script(sandbox: SandboxState, source: str | None) -> None:
    """What the cluster says of ingress-nginx."""
    patch = json.dumps({"data": {"lua.traffic.routing.ingress.nginx": source}})
    kubectl(sandbox, "--namespace", SYSTEM, "patch", "configmap", CONFIG_MAP, "--type=merge", "--patch", patch)


async def said(rig: TrafficRig) -> dict[str, str]:
    """Of the canary Ingress, without our marks."""
    found = (await rig.read(INGRESSES, "side-canary"))["metadata"]["annotations"]
    return {name: value for name, value in found.items() if "tidegate.io" not in name}
