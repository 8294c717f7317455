"""How fast rollouts go: one alone, twenty at once, the hand-over between steps, and the floor they stand on.

The floor is the native controller's own rolling update of the same Deployment in the same run.
"""

import asyncio
import statistics
import time
from typing import Final

from tidegate_bench import audit
from tidegate_bench.lab import DEPLOYMENTS, FIVE_STEPS, Lab, image
from tidegate_chassis.kubernetes.client import PatchStyle
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
    for number in range(ROUNDS):
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image(f"n{number}")}]}}}}
        began_s = time.monotonic()
        await lab.kubernetes.patch(DEPLOYMENTS, NAMESPACE, "floor", patch, style=PatchStyle.STRATEGIC)
        await lab.rolled_out("floor")
        took.append(time.monotonic() - began_s)
    await lab.remove("floor")
    return statistics.median(took)


async def one_rollout(lab: Lab) -> dict[str, object]:
    """`one_rollout_s`, `handover_ms` and `api_writes_per_step` of five rollouts, one after the other."""
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
    """`twenty_rollouts_s`: twenty published at once, until the last has completed."""
    names = [f"twenty-{number:02}" for number in range(TOGETHER)]
    await lab.deploy(*names)
    began_s = time.time()
    rollouts = await asyncio.gather(*(lab.publish(name, "v2") for name in names))
    ends = await asyncio.gather(*(lab.ended(rollout, END_TIMEOUT_S) for rollout in rollouts))
    assert all(isinstance(end, RolloutCompleted) for end, _ in ends), "every one completes"
    await lab.remove(*names)
    return {"twenty_rollouts_s": max(ended_s for _, ended_s in ends) - began_s}
