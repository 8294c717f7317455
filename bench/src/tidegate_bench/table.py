"""The figures beside what they should reach, for people; the JSON is for machines. Shows what was measured."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.table import Table

RATIO: Final = 1.3
"""Of a step's time to the native controller's own."""


class Goal(NamedTuple):
    name: str
    value: float
    goal: float
    unit: str
    note: str = ""


def goals(figures: Mapping[str, Any]) -> list[Goal]:
    """Every figure that has a number to reach; lower is better for all of them."""
    rows: list[Goal] = []
    if "one_rollout_s" in figures:
        rows += _deployments(figures)
    for label, cost in figures.get("kinds", {}).items():
        writes = f"{cost['step_s']:.2f} s on {cost['native_step_s']:.2f} s; {cost['api_writes_per_step']:.1f} writes"
        rows.append(Goal(f"a step, {label}: to native", cost["ratio"], RATIO, "x", writes))
    if "held_mixed" in figures:
        rows += _held_mixed(figures["held_mixed"])
    if "guards" in figures:
        rows += _guards(figures["guards"])
    if "traffic" in figures:
        rows += _traffic(figures["traffic"])
    if "analysis" in figures:
        rows += _analysis(figures["analysis"])
    return rows


def _analysis(found: Mapping[str, Any]) -> Iterator[Goal]:
    beyond, samples = found["verdict_beyond_interval_ms"], found["samples"]
    yield Goal("verdict beyond the interval, p95", beyond["p95"], 300, "ms", f"p50 {beyond['p50']:.0f} ms")
    each = f"{found['processor_ms_per_measurement']:.2f} ms of processor time a measurement"
    note = f"{found['measurements_per_s']:.0f} measurements/s, {each}"
    yield Goal(f"{found['analyses']} analyses on one copy", found["core_percent"], 60, "% of a core", note)
    yield Goal("the same: memory", found["resident_mb"], 200, "MB")
    yield Goal("measurements late by more than 1 s", found["ticks_late_over_1_s"], 0, "", f"of {found['ticks']}")
    yield Goal("killed to all taken over", found["takeover_s"], 10, "s")
    yield Goal("samples lost by that", samples["lost"], 0, "", f"of {samples['moments']}")
    yield Goal("samples counted twice", samples["twice"], 0, "")


def _traffic(traffic: Mapping[str, Any]) -> Iterator[Goal]:
    note = f"of {traffic['requests_sent']} through an HTTPRoute and an HTTPProxy"
    late, not_sent = traffic["requests_sent_late"], traffic["requests_not_sent"]
    if late or not_sent:
        note += f"; the machine was too busy to tell: {late} were sent late, {not_sent} not at all"
    yield Goal("requests lost in four rollouts", traffic["requests_lost"], 0, "", note)
    for step, points in traffic["share_off_points"].items():
        yield Goal(f"a share of {step} is off by", points, 1, "points")
    accepted, shifts = traffic["shifts"]["accepted_ms"], traffic["shifts"]
    note = f"p50 {accepted['p50']:.0f} ms of {shifts['shifts']}; the first one {shifts['first_accepted_ms']:.0f} ms"
    yield Goal("share decided to taken by both, p95", accepted["p95"], 200, "ms", note)
    yield Goal("writes to a route for a share", max(shifts["writes_per_shift"].values()), 1, "")


def floor_note(figures: Mapping[str, Any], ours: str, floor: str) -> str:
    """What the native controllers need for the same end, and how much more we do."""
    return f"{figures[ours] / figures[floor]:.2f} x the native {figures[floor]:.3g} s"


def _deployments(figures: Mapping[str, Any]) -> Iterator[Goal]:
    handover = figures["handover_ms"]
    one, twenty = figures["one_rollout_s"], figures["twenty_rollouts_s"]
    yield Goal("one rollout, 5 steps, 10 pods", one, 2.5, "s", floor_note(figures, "one_rollout_s", "native_update_s"))
    note = floor_note(figures, "twenty_rollouts_s", "twenty_native_s")
    yield Goal("twenty rollouts at once", twenty, 11, "s", note)
    yield Goal("hand-over, p50", handover["p50"], 50, "ms")
    yield Goal("hand-over, p99", handover["p99"], 250, "ms")
    yield Goal("verdict to weight 0", figures["verdict_to_safe_s"], 1, "s")
    yield Goal("requests lost", figures["requests_lost"], 0, "")
    yield Goal("API writes per step", figures["api_writes_per_step"], 4, "")
    yield Goal("takeover", figures["takeover_s"], 10, "s")
    for service, cost in figures["services"].items():
        yield Goal(f"{service}: start to ready", cost["ready_s"], 3, "s")
        yield Goal(f"{service}: memory idle", cost["idle_mb"], 90, "MB")
        yield Goal(f"{service}: memory, 100 rollouts held", cost["held_100_mb"], 150, "MB")


def _held_mixed(held: Mapping[str, Any]) -> Iterator[Goal]:
    count = held["rollouts"]
    for service, cost in held["services"].items():
        yield Goal(f"{service}: memory, {count} of all kinds held", cost["held_mb"], 150, "MB")
        yield Goal(f"{service}: idle with them", cost["idle_core_percent"], 2, "% of a core")
    yield Goal("watch streams per kind of object", held["watch_streams_per_kind"], 2, "")


def _guards(guards: Mapping[str, Any]) -> Iterator[Goal]:
    whole, free = guards["write_ms"]["p99"], guards["unguarded_write_ms"]["p99"]
    note = f"a whole write {whole:.3g} ms, {free:.3g} ms where nobody guards"
    yield Goal(f"admission call, {guards['writes_per_s']}/s, p99", guards["call_ms"]["p99"], 20, "ms", note)
    yield Goal("change to accepted rollout, p95", guards["accepted_ms"]["p95"], 300, "ms")


def show(figures: Mapping[str, Any]) -> None:
    hardware = figures["hardware"]
    table = Table(title=f"Tidegate on {hardware['cores']} cores of {hardware['cpu']}, {hardware['memory_gb']} GB")
    for column in ("figure", "measured", "to reach", "", "floor"):
        table.add_column(column, justify="left" if column in {"figure", "floor"} else "right")
    for row in goals(figures):
        verdict = "reached" if row.value <= row.goal else "[red]missed[/]"
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", f"{row.goal:g} {row.unit}", verdict, row.note)
    Console().print(table)
