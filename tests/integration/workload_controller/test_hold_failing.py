"""Pods that won't come up, or don't stay up: what is reported, when, and that nothing more is risked."""

import pytest
from support.workloads import image, observed, rig

from tidegate_chassis.kubernetes.client import PatchStyle
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.facts import BatchDegraded, BatchReady, BatchRecovered, BatchStalled
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota")
FEW = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("v2_pull-fail", "ImagePull"),
        ("v2_crash-0.05", "CrashLoopBackOff"),
        ("v2_nonsense-1", "CreateContainerConfigError"),
    ],
    ids=["image", "crash", "configuration"],
)
async def test_pods_that_cannot_start_stall_the_batch_long_before_its_deadline(
    sandbox: SandboxState, namespace: str, tag: str, reason: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=10, tag="v1_ready-0.1")
        await made.prepare(image(tag))
        async with observed(made) as observer:
            await made.give(made.batch(1, "20%", progress_deadline_s=600.0))
            stalled = await made.fact(BatchStalled, within_s=30.0)
            assert reason in stalled.reason
            assert len(stalled.pods) == 2
            assert observer.samples[-1].alive != {}
            assert sum(observer.samples[-1].ready.values()) == 10
            await made.release("restore")
            assert observer.least_ready() >= 8
        assert not made.facts(BatchReady)


async def test_pods_that_never_get_ready_stall_the_batch_at_its_deadline(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_ready-never"))
        order = made.batch(1, "50%", progress_deadline_s=2.0)
        await made.give(order)
        stalled = await made.fact(BatchStalled)
        assert stalled.counts is not None
        # One on top and one instead: what a maxSurge and a maxUnavailable of 25 % allow.
        assert (stalled.counts.updated, stalled.counts.updated_ready, stalled.counts.stable_ready) == (2, 0, 3)
        assert not made.facts(BatchReady)


async def test_a_quota_is_named_as_the_reason(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "2"}},
        }
        await made.admin.create(QUOTAS, namespace, quota)
        await made.prepare(image("v2_ready-0.1"))
        await made.give(made.batch(1, "50%", progress_deadline_s=3.0))
        stalled = await made.fact(BatchStalled)
        assert "quota" in stalled.reason


async def test_a_ready_batch_that_fails_is_reported_and_so_is_its_recovery(
    sandbox: SandboxState, namespace: str
) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=4, tag="v1_ready-0.1")
        await made.prepare(image("v2_flap-9"))
        await made.apply(1, "25%")
        degraded = await made.fact(BatchDegraded, within_s=20.0)
        assert degraded.counts.updated_ready == 0
        recovered = await made.fact(BatchRecovered, within_s=20.0)
        assert recovered.counts.updated_ready == 1


async def test_what_was_stalled_and_is_mended_gets_ready(sandbox: SandboxState, namespace: str) -> None:
    async with rig(sandbox, namespace) as made:
        await made.create(replicas=2, tag="v1_ready-0.1")
        quota = {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "2"}},
        }
        await made.admin.create(QUOTAS, namespace, quota)
        await made.prepare(image("v2_ready-0.1"))
        await made.give(made.batch(1, "50%", progress_deadline_s=1.0))
        await made.fact(BatchStalled)
        await made.admin.patch(QUOTAS, namespace, "few", {"spec": {"hard": {"pods": "9"}}}, style=PatchStyle.MERGE)
        await made.fact(BatchRecovered, within_s=30.0)
        await made.fact(BatchReady)
