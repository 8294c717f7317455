"""From Kruise Rollouts to Tidegate, and Tidegate away again, each with releases in flight: docs/migrate-from-kruise.md
and docs/uninstall.md as they are written, on one cluster, one after the other.

Kruise's own controller is gone when the first test begins; what it left was recorded from it.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support import left_by_kruise as left
from support.guarded import POLL_S, WITHIN_S, Guarded, guarded_world, own_values
from support.kinds import DEPLOYMENT, STATEFUL_SET, Kind

from tidegate_contracts.kruises_hold import ANNOTATIONS
from tidegate_demo.scenario import kubectl
from tidegate_demo.stack import SERVICES
from tidegate_demo.webhooks import MANIFESTS, environment, manifests
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.thorough,
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
NO_BUS = {"TIDEGATE_NATS_URL": "nats://127.0.0.1:9"}
ROLLOUTS = "rollouts.rollouts.kruise.io"
SHIFTED: dict[str, dict[str, Any]] = {
    "ingressed": {"ingress": {"classType": "nginx", "name": "ingressed"}},
    "gated": {"gateway": {"httpRouteName": "gated"}},
}
"""With traffic under way: 20 % of the requests to version 2, through these."""
LEFT: dict[str, Kind] = {
    "partitioned": DEPLOYMENT,
    "beside": DEPLOYMENT,
    "ordered": STATEFUL_SET,
    **dict.fromkeys(SHIFTED, DEPLOYMENT),
}
RESTING = ("resting", "another")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """All but the operator, and what Kruise left."""
    async with guarded_world(own_sandbox, tmp_path_factory.mktemp("switching"), SERVICES) as made:
        await made.apply(*manifests("crds/rollouts.yaml", free_port()))
        extra = {"enableExtraWorkloadForCanary": True}
        await asyncio.gather(
            left.make(made, "resting"),
            left.make(made, "another", like="resting", **extra),
            left.make(made, "partitioned"),
            left.make(made, "beside", **extra),
            left.make(made, "ordered", STATEFUL_SET),
            left.make(made, "ingressed", steps=left.SHARED, trafficRoutings=routing("ingressed")),
            left.make(made, "gated", steps=left.SHARED, trafficRoutings=routing("gated"), **extra),
        )
        await asyncio.gather(*(left.route(made, name) for name in SHIFTED))
        await asyncio.gather(
            *(left.hold(made, kind, name) for name, kind in LEFT.items()),
            *(left.put_canary(made, canary) for canary in left.CANARIES.values()),
        )
        yield made


def routing(name: str) -> list[dict[str, Any]]:
    return [{"service": name, "gracePeriodSeconds": 1, **SHIFTED[name]}]


async def routes(world: Guarded) -> dict[str, Any]:
    """The Services and routes of the releases with traffic, whole."""
    found: dict[str, Any] = {}
    for key in sorted(key for name in SHIFTED for key in left.routes_of(name)):
        found[key] = json.loads(await kubectl(world.state, "get", key.lower(), "-o", "json"))
        found[key].pop("status", None)
    return found


async def rollout(world: Guarded, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await kubectl(world.state, "get", ROLLOUTS, name, "-o", "json"))
    return found


async def conditions(world: Guarded, name: str) -> dict[str, tuple[str, str]]:
    found = (await rollout(world, name))["status"].get("conditions", [])
    return {each["type"]: (each["status"], each.get("reason", "")) for each in found}


async def accepted(world: Guarded, name: str, reason: str) -> None:
    """Until the operator says so of the Rollout."""
    async with asyncio.timeout(WITHIN_S):
        while (await conditions(world, name)).get("Accepted", ("", ""))[1] != reason:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def phase(world: Guarded, name: str, wanted: str) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (await rollout(world, name))["status"].get("phase") != wanted:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def waits(world: Guarded, name: str) -> None:
    """Until it stands at its first step."""
    async with asyncio.timeout(WITHIN_S):
        while (await rollout(world, name))["status"].get("currentStepState") != "StepPaused":  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


async def pods(world: Guarded) -> dict[str, str]:
    found = json.loads(await kubectl(world.state, "get", "pods", "-o", "json"))["items"]
    return {each["metadata"]["uid"]: each["spec"]["containers"][0]["image"] for each in found}


def as_written(workload: dict[str, Any]) -> dict[str, Any]:
    """All but what its native controller tells of it."""
    metadata = {each: workload["metadata"].get(each) for each in ("annotations", "labels", "finalizers", "generation")}
    return {"metadata": metadata, "spec": workload["spec"]}


async def doctor(world: Guarded) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tidegate_cli", "doctor", "-o", "json"),
        env={**os.environ, **NO_BUS, "TIDEGATE_KUBECONFIG": str(world.state.kubeconfig_directory / "admin.yaml")},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_what_is_at_rest_is_taken_over_and_what_is_in_flight_is_left_alone(world: Guarded) -> None:
    before = await pods(world)
    held = {name: as_written(await world.read(kind, name)) for name, kind in LEFT.items()}
    shifted = await routes(world)
    port = free_port()
    await world.apply(*manifests("crds/rollouts.yaml", port))
    await world.apply(*manifests("webhooks/rollouts.yaml", port))
    await world.stack.start("rollout-operator", environment=environment(port))
    await asyncio.gather(*(accepted(world, name, "HeldByKruise") for name in LEFT))
    await asyncio.gather(*(world.guarded(DEPLOYMENT, name) for name in RESTING))
    for name, kind in LEFT.items():
        assert as_written(await world.read(kind, name)) == held[name]
        assert (await rollout(world, name))["status"]["currentStepState"] == "StepPaused"
    assert await routes(world) == shifted, "20 % of the requests go on to version 2"
    told = await doctor(world)
    assert all(f"holds {kind.resource.kind} default/{name}" in told for name, kind in LEFT.items())
    assert await pods(world) == before


async def test_a_rollout_of_what_kruise_holds_is_refused_with_what_to_do(world: Guarded) -> None:
    before = await pods(world)
    request = {"workload": {"name": "partitioned"}, "steps": [{"replicas": "50%"}]}
    with pytest.raises(AssertionError, match="migrate-from-kruise"):
        await world.tidegate("request", "-f", "-", "--watch", given=json.dumps(request))
    assert await pods(world) == before


async def test_taken_back_by_hand_it_is_taken_over_and_no_pod_is_replaced(world: Guarded) -> None:
    """As the guide says, for each kind; the new pods of the release go, the stable ones stay."""
    stable = {uid for uid, image in (await pods(world)).items() if ":v1" in image}
    metadata: dict[str, Any] = {"annotations": dict.fromkeys(ANNOTATIONS)}
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    back = {"metadata": metadata, "spec": {"paused": False, "strategy": rolling, "template": left.template("v1")}}
    # First the requests, then the pods, then the Services.
    await kubectl(world.state, "delete", "ingress", "ingressed-canary")
    rules = [{"backendRefs": [{"name": "gated", "port": 80}]}]
    await kubectl(world.state, "patch", "httproute/gated", "--type=merge", "-p", json.dumps({"spec": {"rules": rules}}))
    for name, kind in LEFT.items():
        if kind is DEPLOYMENT:
            await left.patch(world, f"deployment/{name}", back)
    whole = {"updateStrategy": {"rollingUpdate": {"partition": 0}}, "template": left.template("v1")}
    await left.patch(world, "statefulset/ordered", {"metadata": metadata, "spec": whole})
    for canary in left.CANARIES.values():
        await left.patch(world, f"deployment/{canary}", {"metadata": {"finalizers": None}})
        await kubectl(world.state, "delete", "deployment", canary)
    for name in SHIFTED:
        await world.whole(DEPLOYMENT, name)
        unpinned = json.dumps({"spec": {"selector": {left.HASH: None}}})
        await kubectl(world.state, "patch", f"service/{name}", "--type=merge", "-p", unpinned)
        await kubectl(world.state, "delete", "service", f"{name}-canary")
    for name, kind in LEFT.items():
        await world.whole(kind, name)
        await left.patch(world, f"{ROLLOUTS}/{name}", {"status": {"phase": "Healthy"}}, "--subresource=status")
        await world.guarded(kind, name)
        await accepted(world, name, "Guarded")
        assert "HeldByKruise" not in str(await conditions(world, name))
    assert stable <= set(await pods(world))
    assert "holds nothing" in await doctor(world)


async def test_once_taken_over_a_release_with_traffic_is_ours_from_beginning_to_end(world: Guarded) -> None:
    before = {name: own_values(await world.read(DEPLOYMENT, name)) for name in SHIFTED}
    own = {
        name: json.loads(await kubectl(world.state, "get", "service", name, "-o", "json"))["spec"] for name in SHIFTED
    }
    await asyncio.gather(*(world.set_image(DEPLOYMENT, name, "v2_ready-0.3") for name in SHIFTED))
    await asyncio.gather(*(waits(world, name) for name in SHIFTED))
    canary = json.loads(await kubectl(world.state, "get", "ingress", "ingressed-canary", "-o", "json"))
    assert canary["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] == "20"
    approval = {"status": {"canaryStatus": {"currentStepState": "StepReady"}}}
    for name in SHIFTED:
        await left.patch(world, f"{ROLLOUTS}/{name}", approval, "--subresource=status")
    for name in SHIFTED:
        await phase(world, name, "Healthy")
        await world.whole(DEPLOYMENT, name)
        assert own_values(await world.read(DEPLOYMENT, name)) == before[name]
        assert set(await world.tags(name)) == {"2"}
        found = json.loads(await kubectl(world.state, "get", "service", name, "-o", "json"))
        assert found["spec"] == own[name]
    assert "ingressed-canary" not in await kubectl(world.state, "get", "ingresses,services", "-o", "name")


async def test_taken_away_in_the_midst_of_releases_every_workload_is_whole(world: Guarded) -> None:
    """The last one: the services and the definitions are gone after it."""
    names = {"resting": "2", "another": "2"}
    before = {name: own_values(await world.read(DEPLOYMENT, name)) for name in names}
    await asyncio.gather(*(world.set_image(DEPLOYMENT, name, "v2_ready-0.3") for name in names))
    await asyncio.gather(*(waits(world, name) for name in names))
    await world.stack.stop_all()
    for service in ("traffic-shifter", "workload-controller"):
        code, output = await world.stack.run_once(service, "give-back", environment=NO_BUS)
        assert code == 0, output
    await kubectl(world.state, "delete", "-f", str(MANIFESTS / "webhooks"), "--ignore-not-found")
    for name in [*RESTING, *LEFT]:
        await left.patch(world, f"{ROLLOUTS}/{name}", {"metadata": {"finalizers": None}})
    await kubectl(
        world.state, "delete", "-f", str(MANIFESTS / "crds"), "--ignore-not-found", f"--timeout={WITHIN_S:g}s"
    )
    for name, version in names.items():
        await world.whole(DEPLOYMENT, name)
        after = await world.read(DEPLOYMENT, name)
        assert own_values(after) == before[name]
        assert "tidegate.io" not in json.dumps([after["metadata"].get(each) for each in ("annotations", "labels")])
        assert set(await world.tags(name)) == {version}
    deployments = await kubectl(world.state, "get", "deployments", "-o", "name")
    assert len(deployments.split()) == len([kind for kind in LEFT.values() if kind is DEPLOYMENT]) + len(RESTING)
