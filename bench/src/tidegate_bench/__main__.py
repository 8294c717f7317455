"""`python -m tidegate_bench --out FILE`: every figure in one run, as a table and as JSON."""

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from tidegate_bench import analysis, guarded, kinds, losses, mixed, services, speed, table, traffic, workloads
from tidegate_bench.lab import Lab, open_lab
from tidegate_sandbox.sandbox import down, up

Figures = dict[str, Any]


class Part(NamedTuple):
    """Figures that are measured on one sandbox, and how that differs from the usual one."""

    measure: Callable[[Lab, Path], Awaitable[Figures]]
    sandbox: Mapping[str, Any]


def hardware() -> dict[str, object]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    models = [line for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if "model name" in line]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


async def deployments(lab: Lab, scratch: Path) -> Figures:
    """Speed, costs and losses, with Deployments alone."""
    costs = await services.idle(lab)
    figures: Figures = {"native_update_s": await speed.native_update_s(lab)}
    figures |= await speed.one_rollout(lab)
    figures |= await speed.twenty_rollouts(lab)
    figures["takeover_s"] = await services.takeover_s(lab)
    held = await services.held(lab)
    figures["services"] = {service: {**costs[service], **held[service]} for service in costs}
    return figures | await losses.measure(lab.stack, scratch)


async def every_kind(lab: Lab, scratch: Path) -> Figures:
    """Each kind and style beside its native controller, and a mixture of all that is held."""
    del scratch
    return {"kinds": await kinds.measure(lab), "held_mixed": await mixed.measure(lab)}


PARTS: Final[Mapping[str, Part]] = {
    "deployments": Part(deployments, {}),
    "guards": Part(guarded.measure, {}),
    "traffic": Part(traffic.measure, {}),
    "analysis": Part(analysis.measure, {"without": ("proxy",)}),
    "kinds": Part(every_kind, {"including": ("kruise",), "nodes": workloads.PODS}),
}
"""Each on a sandbox of its own: OpenKruise's manager takes time from everything else on it."""


async def measure(chosen: Collection[str], scratch: Path) -> Figures:
    figures: Figures = {"hardware": hardware()}
    for part in chosen:
        name = f"bench-{part}-{os.getpid()}"
        state = await asyncio.to_thread(up, name, **PARTS[part].sandbox)
        try:
            async with open_lab(state) as lab:
                figures |= await PARTS[part].measure(lab, scratch)
        finally:
            await asyncio.to_thread(down, name)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="tidegate_bench", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the JSON goes")
    parser.add_argument("--only", choices=PARTS, help="this part of the figures alone")
    given = parser.parse_args()
    chosen = [given.only] if given.only else list(PARTS)
    with tempfile.TemporaryDirectory() as scratch:
        figures = asyncio.run(measure(chosen, Path(scratch)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    table.show(figures)


if __name__ == "__main__":
    main()
