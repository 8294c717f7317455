"""The figures beside what they should reach, for people; the JSON is for machines."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table


class Goal(NamedTuple):
    name: str
    value: float
    goal: float
    unit: str


def goals(figures: Mapping[str, Any]) -> list[Goal]:
    """Every figure that has a number to reach; lower is better for all of them."""
    handover = figures["handover_ms"]
    rows = [
        Goal("one rollout, 5 steps, 10 pods", figures["one_rollout_s"], 2.5, "s"),
        Goal("twenty rollouts at once", figures["twenty_rollouts_s"], 11, "s"),
        Goal("hand-over, p50", handover["p50"], 50, "ms"),
        Goal("hand-over, p99", handover["p99"], 250, "ms"),
        Goal("verdict to weight 0", figures["verdict_to_safe_s"], 1, "s"),
        Goal("requests lost", figures["requests_lost"], 0, ""),
        Goal("API writes per step", figures["api_writes_per_step"], 4, ""),
        Goal("takeover", figures["takeover_s"], 10, "s"),
    ]
    for service, cost in figures["services"].items():
        rows.append(Goal(f"{service}: start to ready", cost["ready_s"], 3, "s"))
        rows.append(Goal(f"{service}: memory idle", cost["idle_mb"], 90, "MB"))
        rows.append(Goal(f"{service}: memory, 100 rollouts held", cost["held_100_mb"], 150, "MB"))
    return rows


def show(figures: Mapping[str, Any]) -> None:
    hardware = figures["hardware"]
    table = Table(title=f"Tidegate on {hardware['cores']} cores of {hardware['cpu']}, {hardware['memory_gb']} GB")
    for column in ("figure", "measured", "to reach", ""):
        table.add_column(column, justify="left" if column == "figure" else "right")
    for row in goals(figures):
        verdict = "reached" if row.value <= row.goal else "[red]missed[/]"
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", f"{row.goal:g} {row.unit}", verdict)
    floor_s = figures["native_update_s"]
    table.add_row(
        "native rolling update (floor)", f"{floor_s:.3g} s", "", f"ours is {figures['one_rollout_s'] / floor_s:.2f} x"
    )
    Console().print(table)
