"""What a process costs, as /proc tells: resident memory and processor time. `services` and `mixed` ask."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tidegate_demo.stack import ServiceProcess

KIBIBYTE: Final = 1024
USER_TICKS_FIELD: Final = 11
SYSTEM_TICKS_FIELD: Final = 12
"""Of what follows the command's name in /proc/PID/stat: utime and stime."""


def resident_mb(service: ServiceProcess) -> float:
    return resident_mb_of(Path(f"/proc/{service.pid}/status").read_text(encoding="ascii"))


def resident_mb_of(status: str) -> float:
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return kilobytes * KIBIBYTE / 1e6


def used_s(stat: str, ticks_per_s: int) -> float:
    """Processor time that a process has used since its start; its command's name may hold anything."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[USER_TICKS_FIELD]) + int(fields[SYSTEM_TICKS_FIELD])) / ticks_per_s


async def core_percent(services: Mapping[str, ServiceProcess], window_s: float) -> dict[str, float]:
    """How much of one core each has used over the window."""
    began_s, before = time.monotonic(), _all_used_s(services)
    await asyncio.sleep(window_s)
    after, took_s = _all_used_s(services), time.monotonic() - began_s
    return {name: 100 * (after[name] - before[name]) / took_s for name in services}


def _all_used_s(services: Mapping[str, ServiceProcess]) -> dict[str, float]:
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    return {
        name: used_s(Path(f"/proc/{service.pid}/stat").read_text(encoding="utf-8"), ticks_per_s)
        for name, service in services.items()
    }
