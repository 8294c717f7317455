"""Every kind and style: time and API writes of a step, beside the same steps made by the native controller alone.

Each variant's workload is rolled out several times, in turn by hand (see `moves`) and by Tidegate, through the bus
and the services. A step's time is a fifth of the whole: from the first write, or the published request, until the
native controller has all pods, or the rollout has completed and given everything back.
"""

import statistics
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from tidegate_bench import audit
from tidegate_bench.floors import Bed, bed
from tidegate_bench.lab import FIVE_STEPS, Lab
from tidegate_bench.workloads import VARIANTS, Variant, quick
from tidegate_contracts.decisions import RolloutCompleted
from tidegate_demo.scenario import NAMESPACE

ROUNDS: Final = 3
END_TIMEOUT_S: Final = 120.0
STEPS: Final = len(FIVE_STEPS)
ROUTINE: Final = ("podlet",)
"""What kubelets write of their pods is the same whoever moves them."""


class Run(NamedTuple):
    """One rollout: how long, who wrote how much."""

    took_s: float
    our_writes: int
    all_writes: int


async def measure(lab: Lab) -> dict[str, dict[str, float]]:
    """`kinds`: one entry per variant."""
    return {variant.label: await _measure(lab, variant) for variant in VARIANTS}


async def _measure(lab: Lab, variant: Variant) -> dict[str, float]:
    native, ours = [], []
    async with bed(lab, variant) as place:
        for number in range(ROUNDS):
            native.append(await _native(place, f"n{number}"))
            ours.append(await _ours(place, f"v{number + 2}"))
    return figures(native, ours)


def figures(native: Sequence[Run], ours: Sequence[Run]) -> dict[str, float]:
    """Medians of all runs, per step; the ratio is theirs."""
    step_s = statistics.median(run.took_s for run in ours) / STEPS
    native_step_s = statistics.median(run.took_s for run in native) / STEPS
    return {
        "step_s": step_s,
        "native_step_s": native_step_s,
        "ratio": step_s / native_step_s,
        "api_writes_per_step": statistics.median(run.our_writes for run in ours) / STEPS,
        "all_api_writes_per_step": statistics.median(run.all_writes for run in ours) / STEPS,
        "native_api_writes_per_step": statistics.median(run.all_writes for run in native) / STEPS,
    }


async def _native(place: Bed, version: str) -> Run:
    began_s = time.time()
    took_s = await place.native_s(version)
    return _run(place.lab, began_s, took_s)


async def _ours(place: Bed, version: str) -> Run:
    variant = place.variant
    began_s = time.time()
    rollout = await place.lab.publish(place.name, quick(version), resource=variant.shape.resource, style=variant.style)
    end, ended_s = await place.lab.ended(rollout, END_TIMEOUT_S)
    assert isinstance(end, RolloutCompleted), f"{rollout} ended with {type(end).__name__}"
    return _run(place.lab, began_s, ended_s - began_s)


def _run(lab: Lab, began_s: float, took_s: float) -> Run:
    entries = [
        entry
        for entry in audit.read(lab.state.audit_log_path, began_s)
        if entry.objectRef.namespace == NAMESPACE
        and entry.service not in ROUTINE
        and entry.received_s <= began_s + took_s
    ]
    our_writes = sum(1 for _ in audit.by_service(entries, "workload-controller"))
    return Run(took_s=took_s, our_writes=our_writes, all_writes=len(entries))
