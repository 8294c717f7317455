"""A tool that puts its own manifest back as often as we put back our part: told by its name, and then not fought."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.traffic import GRACE_S, HASH, TrafficRig
from support.until import until

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.resources import HTTP_PROXIES, HTTP_ROUTES, INGRESSES, SERVICES, Resource
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficRepaired, TrafficShifted
from tidegate_contracts.rollout import TrafficReference
from tidegate_traffic_shifter.contest import REPAIRS_MAX, Contest
from tidegate_traffic_shifter.editors import NOBODY
from tidegate_traffic_shifter.outcome import Repair

pytestmark = pytest.mark.sandbox

TOOL = "a-tool"
WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
OWN = {"name": "web", "port": 80}

CONTESTED = {
    "route": ("gateway-http-route", HTTP_ROUTES, "web", {"spec": {"rules": [{"backendRefs": [OWN | {"weight": 9}]}]}}),
    "proxy": ("contour-http-proxy", HTTP_PROXIES, "web", {"spec": {"routes": [{"services": [OWN | {"weight": 9}]}]}}),
    "selector": ("gateway-http-route", SERVICES, "web", {"spec": {"selector": {HASH: None}}}),
    "beside": ("ingress-nginx", INGRESSES, "web-canary", {"metadata": {"annotations": {WEIGHT: "90"}}}),
    "taken away": ("ingress-nginx", INGRESSES, "web-canary", {"metadata": {"annotations": {WEIGHT: None}}}),
    "canary service": ("gateway-http-route", SERVICES, "web-canary", {"spec": {"selector": {"tier": "none"}}}),
    "its revision": ("gateway-http-route", SERVICES, "web-canary", {"spec": {"selector": {HASH: "other"}}}),
    "its selector": ("gateway-http-route", SERVICES, "web-canary", {"spec": {"selector": {HASH: None}}}),
}
UNOWNED = {"taken away"}
"""A field that was only taken away has no owner who could be named; a selector is owned as a whole."""


@pytest.fixture
async def tool(rig: TrafficRig) -> AsyncIterator[KubernetesClient]:
    kubeconfig = str(rig.sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager=TOOL) as client:
        yield client


@pytest.fixture
def left_alone(monkeypatch: pytest.MonkeyPatch) -> list[Repair]:
    """What was looked at, and not put back any more."""
    found: list[Repair] = []
    repairing = Contest.repairing

    def noted(contest: Contest, repair: Repair | None) -> None:
        try:
            repairing(contest, repair)
        except Permanent:
            assert repair is not None
            found.append(repair)
            raise

    monkeypatch.setattr(Contest, "repairing", noted)
    return found


def ingress() -> dict[str, Any]:
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]
    spec = {"ingressClassName": "none", "rules": [{"host": "web.example", "http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": spec}


async def part(rig: TrafficRig, resource: Resource, name: str) -> Any:
    """What we write of it, and what the tool does."""
    found = await rig.read(resource, name)
    return found["spec"], found["metadata"].get("annotations", {}).get(WEIGHT)


async def until_part(rig: TrafficRig, resource: Resource, name: str, expected: Any) -> None:
    async with asyncio.timeout(10.0):
        while True:
            if await part(rig, resource, name) == expected:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("what", CONTESTED)
async def test_who_keeps_writing_our_part_is_refused_by_his_name_and_requests_leave_all_the_same(
    rig: TrafficRig, tool: KubernetesClient, left_alone: list[Repair], what: str
) -> None:
    router, resource, name, body = CONTESTED[what]
    rig.router = router
    await rig.create(v1=1, v2=1)
    await rig.admin.create(INGRESSES, rig.namespace, ingress())
    traffic = (TrafficReference(route="web", service="web", router=router, grace_s=GRACE_S),)
    await rig.obey(rig.shift(30, traffic=traffic), TrafficShifted)
    ours = await part(rig, resource, name)
    for _ in range(REPAIRS_MAX):
        await tool.patch(resource, rig.namespace, name, body, style=PatchStyle.MERGE)
        await until_part(rig, resource, name, ours)
    assert not rig.facts(TrafficRefused)
    await tool.patch(resource, rig.namespace, name, body, style=PatchStyle.MERGE)
    theirs = await part(rig, resource, name)
    refused = await rig.fact(TrafficRefused)
    by = NOBODY if what in UNOWNED else TOOL
    assert by in refused.problem.rule
    assert name in refused.problem.value
    assert {each.by for each in rig.facts(TrafficRepaired)} == {by}
    looks = len(left_alone)
    await rig.edit(resource, {"metadata": {"labels": {"wakes": "us"}}}, name)
    await until(lambda: len(left_alone) > looks, what="another look")
    assert await part(rig, resource, name) == theirs != ours, "it is not fought"

    await rig.obey(rig.shift(0, lowering=True, traffic=traffic), TrafficShifted)
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert not await rig.exists(SERVICES, "web-canary")
