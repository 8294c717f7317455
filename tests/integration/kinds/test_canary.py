"""New pods beside the workload, in an extra one of its kind: what no other style has. The matrix plays the rest."""

import asyncio
from typing import Any

import pytest
from support.kinds import CLONE_SET, DEPLOYMENT, STATEFUL_SET, Kind
from support.until import until
from support.workloads import Observer, Rig, gone, image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import REPLICA_SETS
from tidegate_contracts.facts import (
    BatchStalled,
    WorkloadChanged,
    WorkloadGone,
    WorkloadPrepared,
    WorkloadRefused,
)
from tidegate_contracts.rollout import CanaryMetadata, Style
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller import marks
from tidegate_workload_controller.beside import GOING
from tidegate_workload_controller.seen import ReplicaSet, Workload

pytestmark = pytest.mark.sandbox

BESIDE: list[tuple[Kind, Style]] = [(DEPLOYMENT, "canary"), (CLONE_SET, "canary"), (CLONE_SET, "blue_green")]
KINDS = pytest.mark.parametrize(("kind", "style"), BESIDE, ids=[f"{kind.label}-{style}" for kind, style in BESIDE])
EXTRA = "web-canary"
KEEPER = "example.com/keeper"


async def own_spec(made: Rig) -> dict[str, Any]:
    """The spec as the user knows it, with nothing of ours on it or beside it."""
    found = await made.raw()
    assert not [mark for mark in found["metadata"].get("annotations", {}) if marks.PREFIX in mark]
    assert not await is_there(made)
    return spec_of(found)


def spec_of(found: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = found["spec"]
    spec["template"]["metadata"].pop("creationTimestamp", None)  # OpenKruise's webhooks add a null there, or don't
    return spec


def without_template(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "template"}


async def is_there(made: Rig) -> bool:
    """Whether the extra one is, other than in being removed."""
    found = await made.admin.read(made.kind.resource, made.namespace, EXTRA, Workload)
    return isinstance(found, Workload) and found.metadata.deletion_timestamp is None


async def extra(made: Rig) -> dict[str, Any]:
    answer = await made.admin.get(made.kind.resource, made.namespace, EXTRA)
    assert isinstance(answer, bytes), answer
    return decode(answer, dict)


async def comes(seen: Observer, wanted: dict[str, int]) -> None:
    await until(lambda: seen.samples[-1].ready == wanted, within_s=15, what=f"{wanted}")


@KINDS
async def test_forward_the_workload_is_untouched_until_the_promotion(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, style: Style
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind, style=style) as made:
        await made.create(replicas=5, tag="v1_ready-0.1")
        own = await own_spec(made)
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        assert prepared.surge_possible
        stable = prepared.stable_revision
        async with observed(made) as seen:
            for step, (replicas, pods) in enumerate((("20%", 1), (3, 3), ("100%", 5)), start=1):
                ready = await made.apply(step, replicas)
                assert (ready.target_pods, ready.settled) == (pods, True)
                assert seen.most(ready.canary_revision) == pods
                assert (ready.counts.replicas, ready.counts.updated_ready, ready.counts.stable_ready) == (5, pods, 5)
            assert seen.samples[-1].ready == {stable: 5, ready.canary_revision: 5}
            assert all(each.ready.get(stable) == 5 for each in seen.samples)
            assert spec_of(await made.raw()) == own
            promoted = await made.promote()
            assert (promoted.counts.replicas, promoted.counts.updated_ready) == (5, 5)
            assert seen.samples[-1].ready.get(ready.canary_revision) == 5
            assert stable not in seen.samples[-1].ready
            seen.forget()
            await made.release("promote")
            assert seen.least_ready() >= 5
        assert without_template(await own_spec(made)) == without_template(own)
        found = await made.raw()
        assert found["spec"]["template"]["spec"]["containers"][0]["image"].endswith("v2_ready-0.1")
        assert found["spec"]["template"]["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
@KINDS
async def test_deleted_by_somebody_it_comes_back_every_time(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, style: Style, propagation: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind, style=style) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        ready = await made.apply(1, "50%")
        both = {prepared.stable_revision: 4, ready.canary_revision: 2}
        async with observed(made) as seen:
            for _ in range(2):
                uid = (await extra(made))["metadata"]["uid"]
                await made.admin.delete(made.kind.resource, made.namespace, EXTRA, uid=uid, propagation=propagation)
                await until(lambda: ready.canary_revision not in seen.samples[-1].ready, what="the pods to go")
                await comes(seen, both)
        assert len(made.facts(WorkloadChanged)) == 1, "it is said once a minute"


async def test_deleted_it_comes_back_with_its_revision_once_its_replica_set_has_gone(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    """A finalizer of somebody's keeps the ReplicaSet; a Deployment that finds it there names its revision otherwise."""
    async with rig(kinds_sandbox, kinds_namespace, kind=DEPLOYMENT, style="canary") as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        prepared = await made.prepare(image("v2_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared)
        ready = await made.apply(1, "50%", progress_deadline_s=3.0)
        async with observed(made) as seen:
            former = {pod.metadata.uid for pod in seen.pods(ready.canary_revision)}
            (left,) = (each for each in await _replica_sets(made) if each.metadata.name.startswith(EXTRA))
            await _keep(made, left.metadata.name, [KEEPER])
            uid = (await extra(made))["metadata"]["uid"]
            await made.admin.delete(made.kind.resource, made.namespace, EXTRA, uid=uid, propagation="Background")
            stalled = await made.fact(BatchStalled)
            assert GOING in stalled.reason
            await _keep(made, left.metadata.name, None)

            def is_back() -> bool:
                now = [pod for pod in seen.pods(ready.canary_revision) if pod.ready_since_s is not None]
                return len(now) == len(former) and not former & {pod.metadata.uid for pod in now}

            await until(is_back, what="two pods of the same revision")


async def _replica_sets(made: Rig) -> list[ReplicaSet]:
    return [decode(raw, ReplicaSet) for raw in (await made.admin.list_all(REPLICA_SETS, made.namespace)).items]


async def _keep(made: Rig, replica_set: str, finalizers: list[str] | None) -> None:
    body = {"metadata": {"finalizers": finalizers}}
    await made.admin.patch(REPLICA_SETS, made.namespace, replica_set, body, style=PatchStyle.MERGE)


@KINDS
async def test_edited_by_somebody_it_is_put_right_once(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, style: Style
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind, style=style) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%")
        before = (await extra(made))["spec"]
        body = {"spec": {"replicas": 3, "template": {"metadata": {"labels": {"hand": "made"}}}}}
        await made.admin.patch(made.kind.resource, made.namespace, EXTRA, body, style=PatchStyle.MERGE)
        await made.fact(WorkloadChanged)
        assert (await extra(made))["spec"] == before


async def test_what_only_the_extra_pods_have(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="canary") as made:
        made.canary_metadata = CanaryMetadata(
            labels={"track": "new", "app.kubernetes.io/part-of": "x"}, annotations={"a/b": "c"}
        )
        await made.create(replicas=2, tag="v1_ready-0.1", minReadySeconds=1, strategy={"type": "Recreate"})
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "100%")
        found = await extra(made)
        spec, labels = found["spec"], {"app": "web", marks.BESIDE: "web"}
        assert spec["selector"] == {"matchLabels": labels}
        assert spec["template"]["metadata"]["labels"] == labels | made.canary_metadata.labels
        assert spec["template"]["metadata"]["annotations"] == made.canary_metadata.annotations
        assert (spec["minReadySeconds"], spec["strategy"]["type"]) == (1, "RollingUpdate")
        (owner,) = found["metadata"]["ownerReferences"]
        assert (owner["name"], owner.get("controller", False)) == ("web", False)
        await made.promote()
        await made.release("promote")
        after = await own_spec(made)
        assert after["strategy"] == {"type": "Recreate"}
        assert after["template"]["metadata"]["labels"] == {"app": "web"}


@pytest.mark.parametrize("mode", ["promote", "restore"])
async def test_a_paused_workload_that_carries_the_new_template_already(
    kinds_sandbox: SandboxState, kinds_namespace: str, mode: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="canary") as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        first = await own_spec(made)
        container = {"name": "app", "image": "registry.example/web:v2_ready-0.1"}
        await made.patch({"spec": {"paused": True, "template": {"spec": {"containers": [container]}}}})
        own = await own_spec(made)
        prepared = await made.prepare(None)
        assert isinstance(prepared, WorkloadPrepared), prepared
        async with observed(made) as seen:
            ready = await made.apply(1, "100%")
            assert seen.samples[-1].ready == {prepared.stable_revision: 3, ready.canary_revision: 3}
            assert spec_of(await made.raw()) == own
            if mode == "promote":
                promoted = await made.promote()
                assert (promoted.counts.updated_ready, promoted.counts.stable) == (3, 0)
            await made.release(mode)
        assert await own_spec(made) == (own if mode == "promote" else {**first, "paused": True})


async def test_a_namesake_is_left_alone(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with (
        rig(kinds_sandbox, kinds_namespace, EXTRA) as other,
        rig(kinds_sandbox, kinds_namespace, style="canary") as made,
    ):
        await other.create(replicas=1, tag="v1_ready-0.1")
        await made.create(replicas=1, tag="v1_ready-0.1")
        refused = await made.prepare(image("v2"))
        assert isinstance(refused, WorkloadRefused)
        assert EXTRA in refused.problem.rule


@KINDS
async def test_in_the_middle_of_its_own_update_it_is_refused_until_that_is_over(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, style: Style
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind, style=style) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.update("v2_ready-600")
        refused = await made.prepare(image("v3_ready-0.1"))
        assert isinstance(refused, WorkloadRefused), refused
        assert refused.problem.field == "strategy"
        assert "partition" in refused.problem.remedy
        await made.update("v2_ready-0.1")
        await made.until_whole()
        prepared = await made.prepare(image("v3_ready-0.1"))
        assert isinstance(prepared, WorkloadPrepared), prepared
        assert (await made.apply(1, "50%")).counts.stable_ready == 4


async def test_a_style_that_a_kind_does_not_know(kinds_sandbox: SandboxState, kinds_namespace: str) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=STATEFUL_SET, style="canary") as made:
        await made.create(replicas=1, tag="v1_ready-0.1")
        refused = await made.prepare(image("v2"))
        assert isinstance(refused, WorkloadRefused)
        assert (refused.problem.field, refused.problem.value) == ("strategy", "canary")
        assert refused.problem.rule == "one of partition for a StatefulSet"


async def test_the_stable_template_changed_or_the_workload_deleted(
    kinds_sandbox: SandboxState, kinds_namespace: str
) -> None:
    async with rig(kinds_sandbox, kinds_namespace, style="canary") as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-0.1"))
        await made.apply(1, "50%")
        await made.patch({"spec": {"template": {"metadata": {"annotations": {"hand": "made"}}}}})
        changed = await made.fact(WorkloadChanged)
        assert changed.by == "a-user"
        await gone(made)
        await made.fact(WorkloadGone)
        await made.release("restore")
        resource = made.kind.resource
        async with asyncio.timeout(10):
            while not isinstance(await made.admin.get(resource, made.namespace, EXTRA), NotFound):  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # the garbage collector tells nobody
