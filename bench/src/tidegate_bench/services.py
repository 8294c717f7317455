"""What the services cost: start to ready, resident memory idle and with a hundred rollouts held, and a takeover."""

import asyncio
import time
from typing import Final

from tidegate_bench.lab import Lab
from tidegate_bench.processes import resident_mb
from tidegate_contracts.decisions import PauseStarted, StepStarted
from tidegate_contracts.facts import BatchReady
from tidegate_demo.stack import SERVICES, ServiceProcess

HELD: Final = 100
HELD_REPLICAS: Final = 2
HELD_TIMEOUT_S: Final = 180.0
TAKEOVER_TIMEOUT_S: Final = 60.0
SLOW_PODS: Final = "v2_ready-2"


async def idle(lab: Lab) -> dict[str, dict[str, float]]:
    """Start to ready, each service by itself while the others run, and memory before the first rollout."""
    costs = {}
    for name in SERVICES:
        await lab.stack[name].stop()
        service = await lab.stack.start(name)
        costs[name] = {"ready_s": service.ready_after_s, "idle_mb": resident_mb(service)}
    return costs


async def held(lab: Lab) -> dict[str, dict[str, float]]:
    """Memory with a hundred rollouts that all wait for approval."""
    names = [f"held-{number:03}" for number in range(HELD)]
    await lab.deploy(*names, replicas=HELD_REPLICAS)
    rollouts = await asyncio.gather(*(lab.publish(name, "v2", ("50%", "100%"), approve=True) for name in names))

    def all_wait() -> bool:
        waiting = {event.rollout for event in lab.listener.events if isinstance(event, PauseStarted)}
        return waiting.issuperset(rollouts)

    await lab.heard(all_wait, f"{HELD} rollouts waiting for approval", HELD_TIMEOUT_S)
    memory = {name: {f"held_{HELD}_mb": resident_mb(lab.stack[name])} for name in SERVICES}
    await asyncio.gather(*(lab.control(rollout, "control.cancel.v1") for rollout in rollouts))
    await asyncio.gather(*(lab.ended(rollout, HELD_TIMEOUT_S) for rollout in rollouts))
    await lab.remove(*names)
    return memory


async def takeover_s(lab: Lab) -> float:
    """A second workload-controller; the holder of an order is killed; until the other reports the batch ready."""
    await lab.deploy("takeover")
    second = await lab.stack.start("workload-controller", copy=2)
    rollout = await lab.publish("takeover", SLOW_PODS, ("20%", "100%"), approve=True)
    await lab.heard(lambda: _has(lab, rollout, StepStarted), "the first step", TAKEOVER_TIMEOUT_S)
    holder = await _holder(lab, rollout)
    await holder.kill()
    killed_s = time.time()
    await lab.heard(lambda: _has(lab, rollout, BatchReady), "the batch, ready", TAKEOVER_TIMEOUT_S)
    took_s = time.time() - killed_s
    await lab.control(rollout, "control.cancel.v1")
    await lab.ended(rollout, TAKEOVER_TIMEOUT_S)
    await lab.stack.restart("workload-controller", holder.copy)
    await second.stop() if second.running else None
    await lab.remove("takeover")
    return took_s


def _has(lab: Lab, rollout: str, kind: type[object]) -> bool:
    return any(isinstance(event, kind) for event in lab.listener.of(rollout))


async def _holder(lab: Lab, rollout: str) -> ServiceProcess:
    """The copy whose log names the rollout."""
    deadline_s = time.monotonic() + TAKEOVER_TIMEOUT_S
    while time.monotonic() < deadline_s:
        for copy in lab.stack.copies("workload-controller"):
            if rollout in copy.log_path.read_text(encoding="utf-8", errors="replace"):
                return copy
        await asyncio.sleep(0.02)
    raise TimeoutError(f"no workload-controller logs that it holds {rollout}")
