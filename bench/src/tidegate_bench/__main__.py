"""`python -m tidegate_bench --out FILE`: every figure in one run, as a table and as JSON."""

import argparse
import asyncio
import os
import platform
import tempfile
from pathlib import Path

import msgspec

from tidegate_bench import losses, services, speed, table
from tidegate_bench.lab import open_lab
from tidegate_sandbox.sandbox import down, up


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


async def measure(name: str, scratch: Path) -> dict[str, object]:
    state = await asyncio.to_thread(up, name)
    try:
        async with open_lab(state) as lab:
            costs = await services.idle(lab)
            floor_s = await speed.native_update_s(lab)
            figures: dict[str, object] = {"hardware": hardware(), "native_update_s": floor_s}
            figures |= await speed.one_rollout(lab)
            figures |= await speed.twenty_rollouts(lab)
            figures["takeover_s"] = await services.takeover_s(lab)
            held = await services.held(lab)
            figures["services"] = {service: {**costs[service], **held[service]} for service in costs}
            figures |= await losses.measure(lab.stack, scratch)
    finally:
        await asyncio.to_thread(down, name)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="tidegate_bench", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the JSON goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        figures = asyncio.run(measure(f"bench-{os.getpid()}", Path(scratch)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    table.show(figures)


if __name__ == "__main__":
    main()
