"""What the API server itself refuses: one write of several, by a policy of the cluster's, and a kind that it lacks."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.sandbox import POLL_PERIOD_S, kubectl
from support.traffic import BOTH_ROUTES, GRACE_S, TrafficRig

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.resources import HTTP_PROXIES, HTTP_ROUTES, SERVICES
from tidegate_contracts.facts import TrafficRefused, TrafficReleased, TrafficShifted
from tidegate_contracts.rollout import TrafficReference
from tidegate_traffic_shifter.marks import FIELD_MANAGER

pytestmark = pytest.mark.sandbox

HALF = "object.spec.routes.exists(r, r.services.exists(s, has(s.weight) && s.weight == 50))"
POLICY_TIMEOUT_S = 20.0
SPLITS = "trafficsplits.split.smi-spec.io"


def policy(namespace: str) -> list[dict[str, Any]]:
    """No HTTPProxy of the namespace may share by halves."""
    api, name = "admissionregistration.k8s.io/v1", {"name": namespace}
    rule = {"apiGroups": ["projectcontour.io"], "apiVersions": ["v1"], "operations": ["UPDATE"]}
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule | {"resources": ["httpproxies"]}]},
        "validations": [{"expression": f"!{HALF}", "message": "no halves in this shop"}],
    }
    only_here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    binding = {"policyName": namespace, "validationActions": ["Deny"], "matchResources": only_here}
    return [
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": name, "spec": spec},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": name, "spec": binding},
    ]


async def proxy_weights(rig: TrafficRig) -> dict[str, int]:
    (route,) = (await rig.read(HTTP_PROXIES))["spec"]["routes"]
    return {each["name"]: each["weight"] for each in route["services"]}


async def until_denied(rig: TrafficRig, *, wanted: bool) -> None:
    """The API server goes by a policy, or no more, some time after it was written, and says nothing."""
    half = {"spec": {"routes": [{"services": [{"name": "web", "port": 80, "weight": 50}]}]}}
    async with asyncio.timeout(POLICY_TIMEOUT_S):
        while True:
            denied = False
            try:
                await rig.admin.patch(HTTP_PROXIES, rig.namespace, "web", half, style=PatchStyle.MERGE, dry_run=True)
            except Permanent:
                denied = True
            if denied == wanted:
                return
            await asyncio.sleep(POLL_PERIOD_S)


@asynccontextmanager
async def forbidden_halves(rig: TrafficRig) -> AsyncIterator[None]:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": policy(rig.namespace)})
    await asyncio.to_thread(kubectl, rig.sandbox, "apply", "-f", "-", manifest=manifest)
    try:
        await until_denied(rig, wanted=True)
        yield
    finally:
        await asyncio.to_thread(kubectl, rig.sandbox, "delete", "-f", "-", manifest=manifest)
    await until_denied(rig, wanted=False)


async def test_what_the_second_route_is_not_allowed_to_say_the_first_gives_back_and_the_event_says_which(
    rig: TrafficRig,
) -> None:
    await rig.create(v1=2, v2=2)
    host = await rig.create_proxy()
    await rig.obey(rig.shift(0, canary=None, traffic=BOTH_ROUTES), TrafficShifted)
    await rig.obey(rig.shift(20, traffic=BOTH_ROUTES), TrafficShifted)
    before = [await rig.weights(), await proxy_weights(rig)]
    assert before == [{"web": 80, "web-canary": 20}] * 2
    async with rig.loaded(hosts=(rig.host, host)):
        async with forbidden_halves(rig):
            refused = await rig.obey(rig.shift(50, traffic=BOTH_ROUTES), TrafficRefused)
            assert "no halves in this shop" in refused.problem.rule
            assert "httpproxies.projectcontour.io web " in refused.problem.value, "both routes are called web"
            assert [await rig.weights(), await proxy_weights(rig)] == before, "all of them or none"
            assert not rig.facts(TrafficShifted)
        await rig.obey(rig.shift(50, traffic=BOTH_ROUTES), TrafficShifted)
        assert [await rig.weights(), await proxy_weights(rig)] == [{"web": 50, "web-canary": 50}] * 2
        await rig.obey(rig.release(traffic=BOTH_ROUTES), TrafficReleased)


async def test_a_kind_that_the_cluster_lacks_is_refused_before_anything_moves(
    rig: TrafficRig,
) -> None:
    await rig.create(v1=1, v2=1)
    await asyncio.to_thread(kubectl, rig.sandbox, "delete", "crd", SPLITS, "--ignore-not-found", "--wait")
    before = await rig.user_made()
    split = TrafficReference(route="web", service="web", router="smi-traffic-split", grace_s=GRACE_S)
    traffic = (BOTH_ROUTES[0], split)
    refused = await rig.obey(rig.shift(0, canary=None, traffic=traffic), TrafficRefused)
    assert (refused.problem.field, refused.problem.value) == ("traffic.router", "smi-traffic-split")
    assert "TrafficSplit" in refused.problem.rule
    assert refused.problem.remedy
    assert FIELD_MANAGER not in await rig.owners(HTTP_ROUTES) | await rig.owners(SERVICES), "nothing was written"
    await rig.obey(rig.release(traffic=traffic), TrafficReleased)
    assert await rig.user_made() == before
