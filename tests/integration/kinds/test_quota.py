"""Pods that can't be made: the native controllers say why by an event only, and the batch that stalls says it too."""

import pytest
from support.kinds import (
    ADVANCED_DAEMON_SET,
    ADVANCED_STATEFUL_SET,
    CLONE_SET,
    DAEMON_SET,
    PARALLEL_STATEFUL_SET,
    STATEFUL_SET,
    Kind,
)
from support.sandbox import kubectl
from support.workloads import image, rig

from tidegate_contracts.facts import BatchReady, BatchStalled, WorkloadPrepared
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox
KINDS = (STATEFUL_SET, PARALLEL_STATEFUL_SET, ADVANCED_STATEFUL_SET, DAEMON_SET, ADVANCED_DAEMON_SET, CLONE_SET)
DEADLINE_S = 4.0


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.label)
async def test_a_quota_is_named_as_the_reason(kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind) -> None:
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=3, tag="v1_ready-0.1")
        assert isinstance(await made.prepare(image("v2_ready-0.1")), WorkloadPrepared)
        kubectl(kinds_sandbox, "-n", kinds_namespace, "create", "quota", "few", "--hard=pods=1")
        order = made.batch(1, "60%", progress_deadline_s=DEADLINE_S)
        await made.give(order)
        stalled = await made.fact(BatchStalled, within_s=30)
        assert "no further pod got ready" in stalled.reason
        assert "FailedCreate" in stalled.reason
        assert "exceeded quota: few" in stalled.reason
        kubectl(kinds_sandbox, "-n", kinds_namespace, "delete", "quota", "few")
        await made.give(order)
        await made.fact(BatchReady, lambda each: each.settled, within_s=60)
