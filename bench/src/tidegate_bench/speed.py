"""How fast rollouts go: one alone, twenty at once, the hand-over between steps, and the floors they stand on.

The floor is the native controller's own rolling update of the same Deployments in the same run: of one, and of twenty
at once, which takes what two cores can do, with or without Tidegate. While twenty are updated, the services don't
run: they would spend time on watching what isn't theirs.
"""

import asyncio
import statistics
import time
from typing import Final

from tidegate_bench import audit
from tidegate_bench.following import Following, following, whole
from tidegate_bench.lab import FIVE_STEPS, Lab, deployment
from tidegate_bench.workloads import PODS
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS
from tidegate_contracts.decisions import RolloutCompleted, StepStarted
from tidegate_demo.scenario import NAMESPACE

ROUNDS: Final = 10
TOGETHER: Final = 20
END_TIMEOUT_S: Final = 120.0
STEPS: Final = len(FIVE_STEPS)


async def native_update_s(lab: Lab) -> float:
    """The floor: the image set, until the native controller says that the rollout is done."""
    took = []
    await lab.deploy("floor")
    async with following(lab.kubernetes, DEPLOYMENTS, NAMESPACE) as followed:
        for number in range(ROUNDS):
            began_s = time.monotonic()
            await _native_update(followed, "floor", f"n{number}")
            took.append(time.monotonic() - began_s)
    await lab.remove("floor")
    return statistics.median(took)


async def _native_update(followed: Following, name: str, version: str) -> None:
    template = deployment(name, PODS, version)["spec"]["template"]
    await followed.tell(name, {"template": template}, whole)


async def one_rollout(lab: Lab) -> dict[str, object]:
    """`one_rollout_s`, `handover_ms` and `api_writes_per_step` of ten rollouts, one after the other."""
    took, handovers_ms, writes = [], [], []
    await lab.deploy("one")
    for number in range(ROUNDS):
        began_s = time.time()
        rollout = await lab.publish("one", f"v{number + 2}")
        end, ended_s = await lab.ended(rollout, END_TIMEOUT_S)
        assert isinstance(end, RolloutCompleted), f"{rollout} ended with {type(end).__name__}"
        took.append(ended_s - began_s)
        entries = audit.read(lab.state.audit_log_path, began_s)
        starts_s = [event.at_s for event in lab.listener.of(rollout) if isinstance(event, StepStarted)]
        handovers_ms += [1000 * handover_s for handover_s in audit.handovers_s(entries, "one", starts_s)]
        writes.append(sum(1 for _ in audit.by_service(entries, "workload-controller")) / STEPS)
    await lab.remove("one")
    return {
        "one_rollout_s": statistics.median(took),
        "one_rollout_all_s": took,
        "handover_ms": {"p50": statistics.median(handovers_ms), "p99": max(handovers_ms), "samples": len(handovers_ms)},
        "api_writes_per_step": max(writes),
    }


async def twenty_rollouts(lab: Lab) -> dict[str, object]:
    """`twenty_rollouts_s`: twenty published at once, until the last has completed; `twenty_native_s`: their floor."""
    names = [f"twenty-{number:02}" for number in range(TOGETHER)]
    await lab.deploy(*names)
    began_s = time.time()
    rollouts = await asyncio.gather(*(lab.publish(name, "v2") for name in names))
    ends = await asyncio.gather(*(lab.ended(rollout, END_TIMEOUT_S) for rollout in rollouts))
    assert all(isinstance(end, RolloutCompleted) for end, _ in ends), "every one completes"
    took_s = max(ended_s for _, ended_s in ends) - began_s
    floor_s = await _twenty_native_s(lab, names)
    await lab.remove(*names)
    return {"twenty_rollouts_s": took_s, "twenty_native_s": floor_s}


async def _twenty_native_s(lab: Lab, names: list[str]) -> float:
    await lab.stack.stop_all()
    async with following(lab.kubernetes, DEPLOYMENTS, NAMESPACE) as followed:
        began_s = time.monotonic()
        await asyncio.gather(*(_native_update(followed, name, "n1") for name in names))
        took_s = time.monotonic() - began_s
    await lab.stack.start_all()
    return took_s
