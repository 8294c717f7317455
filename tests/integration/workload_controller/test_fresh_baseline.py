"""A fresh baseline beside a Deployment on a real API server: the stable Service's pods, and nobody's trouble."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from support.workloads import POLL_PERIOD_S, Rig, image, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import ENDPOINT_SLICES, PODS, REPLICA_SETS, SERVICES
from tidegate_contracts.facts import WorkloadPrepared
from tidegate_contracts.rollout import Style
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks
from tidegate_workload_controller.seen import Pod, ReplicaSet

pytestmark = pytest.mark.sandbox

NAME = "web-baseline"
WITHIN_S = 15.0

T = TypeVar("T")


async def found(made: Rig) -> ReplicaSet | None:
    seen = await made.admin.read(REPLICA_SETS, made.namespace, NAME, ReplicaSet)
    return None if isinstance(seen, NotFound) else seen


async def eventually(look: Callable[[], Awaitable[T | None]]) -> T:
    """What is found, once there is any."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            if (seen := await look()) is not None:
                return seen
            await asyncio.sleep(POLL_PERIOD_S)


async def ready(made: Rig, pods: int, *, besides: str = "") -> ReplicaSet:
    """The baseline, once it has so many ready pods, and another uid than this one."""

    async def look() -> ReplicaSet | None:
        seen = await found(made)
        if seen is None or seen.metadata.uid == besides:
            return None
        return seen if (seen.spec.replicas, seen.status.available_replicas) == (pods, pods) else None

    return await eventually(look)


async def gone(made: Rig) -> None:
    async def look() -> bool | None:
        return True if await found(made) is None else None

    await eventually(look)


async def pods_of(made: Rig) -> list[dict[str, Any]]:
    page = await made.admin.list_all(PODS, made.namespace, label_selector=f"{marks.BASELINE}=web")
    return [decode(raw, dict) for raw in page.items if decode(raw, Pod).alive]


async def pin(made: Rig, stable: str) -> None:
    """The Service as the traffic-shifter pins it."""
    spec = {"selector": {"app": "web", marks.POD_TEMPLATE_HASH: stable}, "ports": [{"port": 80}]}
    whole = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    await made.admin.create(SERVICES, made.namespace, whole)


async def endpoints(made: Rig) -> set[str]:
    """The pods to which the Service sends requests."""
    page = await made.admin.list_all(ENDPOINT_SLICES, made.namespace, label_selector="kubernetes.io/service-name=web")
    slices = [decode(raw, dict) for raw in page.items]
    return {
        each["targetRef"]["name"] for one in slices for each in one["endpoints"] or () if each["conditions"]["ready"]
    }


async def test_it_lives_as_long_as_steps_ask_for_it_and_is_counted_nowhere(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        await pin(made, prepared.stable_revision)
        fact = await made.apply(1, "40%", baseline=True)
        assert (fact.counts.updated_ready, fact.counts.stable_ready, fact.counts.replicas) == (2, 3, 5)
        first = await ready(made, 2)
        pods = await pods_of(made)
        assert {each["spec"]["containers"][0]["image"] for each in pods} == {"registry.example/web:v1_ready-0.1"}
        assert {each["metadata"]["ownerReferences"][0]["uid"] for each in pods} == {first.metadata.uid}
        assert first.metadata.controller_uid is None

        async def all_get_requests_and_nothing_that_is_gone() -> set[str] | None:
            # Endpoints are another controller's: they follow the pods, new and gone, a little later.
            sending = await endpoints(made)
            return sending if len(sending) == 5 and {each["metadata"]["name"] for each in pods} <= sending else None

        await eventually(all_get_requests_and_nothing_that_is_gone)

        await made.admin.patch(REPLICA_SETS, namespace, NAME, {"spec": {"replicas": 4}}, style=PatchStyle.MERGE)
        assert (await ready(made, 2)).metadata.uid == first.metadata.uid
        fact = await made.apply(2, "60%", baseline=True)
        assert (fact.counts.updated_ready, fact.counts.stable_ready) == (3, 2)
        assert (await ready(made, 3)).metadata.uid == first.metadata.uid

        await made.admin.delete(REPLICA_SETS, namespace, NAME, uid=first.metadata.uid)
        await ready(made, 3, besides=first.metadata.uid)
        await made.apply(3, "80%")
        await gone(made)
        assert await pods_of(made) == []
        await made.release("promote")


@pytest.mark.parametrize(("style", "mode"), [("partition", "restore"), ("canary", "let_go"), ("canary", "promote")])
async def test_whatever_ends_the_rollout_takes_it_away_before_it_says_so(
    sandbox: SandboxState, namespace: str, style: Style, mode: str
) -> None:
    async with rig(sandbox, namespace, style=style) as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        fact = await made.apply(1, "34%", baseline=True)
        assert fact.counts.updated_ready == 2
        await ready(made, fact.target_pods)
        if mode == "promote":
            await made.apply(2, "100%", baseline=True)
            await made.promote()
        await made.release(mode)
        assert await pods_of(made) == []
        annotations = (await made.raw())["metadata"].get("annotations", {})
        assert not set(annotations) & set(marks.ANNOTATIONS)
        await gone(made)


async def test_it_goes_with_its_workload(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%", baseline=True)
        await ready(made, 1)
        await made.drop()
        workload = await made.read()
        await made.admin.delete(made.kind.resource, namespace, "web", uid=workload.metadata.uid)
        await gone(made)


async def test_somebody_elses_of_that_name_is_left_alone(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        labels = {"app": "foreign"}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}}
        spec["template"] = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
        whole = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": NAME}, "spec": spec}
        await made.admin.create(REPLICA_SETS, namespace, whole)
        await made.create(replicas=2, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%", baseline=True)
        await made.release("restore")
        seen = await found(made)
        assert seen is not None
        assert (seen.spec.replicas, seen.metadata.deletion_timestamp) == (0, None)
