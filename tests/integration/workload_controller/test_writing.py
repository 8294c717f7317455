"""What the API server says to writes that come too late: nothing is changed, and the caller is told."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from support.workloads import image, rig

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import PODS
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import LabelPods, Patch, Touch
from tidegate_workload_controller.kinds.deployment import ANATOMY
from tidegate_workload_controller.kinds.reading import Reading, read_live
from tidegate_workload_controller.kinds.writing import Writer
from tidegate_workload_controller.seen import Pod, View

pytestmark = pytest.mark.sandbox

BODY: dict[str, Any] = {"metadata": {"annotations": {"tidegate.io/rollout": "late"}}, "spec": {"minReadySeconds": 9}}


def ours() -> None:
    """The order is still held."""


async def looked(made: Any) -> tuple[Reading, View, Writer]:
    reading = Reading(ANATOMY)
    hold = ANATOMY.holds["partition"]
    view = await read_live(made.client, made.namespace, made.name, reading=reading, hold=hold)
    assert view is not None
    return reading, view, Writer(made.client, ANATOMY, made.namespace, made.name)


async def test_a_patch_of_what_somebody_changed_meanwhile_is_a_conflict(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        reading, view, writer = await looked(made)
        await made.patch({"metadata": {"annotations": {"team": "a"}}})
        with pytest.raises(Conflict):
            await writer.write(Patch(BODY), view, reading, ours)
        assert (await made.read()).spec.min_ready_seconds is None


async def test_a_patch_past_a_fence_that_was_not_seen_is_a_conflict(sandbox: SandboxState, namespace: str) -> None:
    """A fence is a label, which leaves the generation as it is."""
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        await made.patch({"metadata": {"labels": {marks.ORDER_REVISION: "6"}}})
        reading, view, writer = await looked(made)
        await made.patch({"metadata": {"labels": {marks.ORDER_REVISION: "7"}}})
        with pytest.raises(Conflict):
            await writer.write(Patch(BODY), view, reading, ours)
        assert (await made.read()).spec.min_ready_seconds is None


async def test_a_status_that_the_native_controller_writes_is_none(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        reading, view, writer = await looked(made)
        stale = replace(view.workload.metadata, resource_version="1")
        view = replace(view, workload=replace(view.workload, metadata=stale))
        await writer.write(Patch(BODY), view, reading, ours)
        assert (await made.read()).spec.min_ready_seconds == 9


async def test_a_change_that_leads_elsewhere_than_approved_is_not_made(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        reading, view, writer = await looked(made)
        await writer.write(Touch(BODY, image("v2"), "another digest"), view, reading, ours)
        assert (await made.read()).metadata.generation == view.workload.metadata.generation
        refused = reading.view(view.workload, [], [], view.hold, live=True)
        assert refused.base_differs


async def test_a_label_for_a_pod_that_is_gone_or_another_one_is_no_fault(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        reading, view, writer = await looked(made)
        (pod,) = view.pods
        await writer.write(
            LabelPods(((pod.metadata.name, "another"), ("no-such-pod", "x")), 1, {"tidegate.io/batch": "1"}),
            view,
            reading,
            ours,
        )
        page = await made.admin.list_all(PODS, namespace)
        assert "tidegate.io/batch" not in decode(page.items[0], Pod).metadata.labels


async def test_nothing_is_written_once_the_order_is_lost(sandbox: SandboxState, namespace: str) -> None:
    def lost() -> None:
        raise asyncio.CancelledError

    async with rig(sandbox, namespace) as made:
        await made.create(replicas=1)
        reading, view, writer = await looked(made)
        for action in (
            Patch(BODY),
            LabelPods(((view.pods[0].metadata.name, view.pods[0].metadata.uid),), 1, {"a": "b"}),
        ):
            with pytest.raises(asyncio.CancelledError):
                await writer.write(action, view, reading, lost)
        assert (await made.read()).metadata.generation == view.workload.metadata.generation
