"""The end of the demo as a table: every promise with what was seen, and the times."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidegate_demo.story import SAFE_TO_REACH_S, Outcome


def render(outcome: Outcome) -> RenderableType:
    return Panel(Group(_promises(outcome), _requests(outcome), _times(outcome)), title="summary", title_align="left")


def _promises(outcome: Outcome) -> Table:
    table = Table("", "promise", "seen", box=None, header_style="dim")
    for promise in outcome.promises:
        mark = Text("kept", style="green") if promise.kept else Text("BROKEN", style="bold red")
        table.add_row(mark, promise.text, promise.detail)
    return table


def _requests(outcome: Outcome) -> Text:
    load = outcome.load
    own = ", ".join(f"{version} {seen.errors}" for version, seen in sorted(load.versions.items()) if seen.errors)
    answered = ", ".join(f"{version} {seen.ok + seen.errors}" for version, seen in sorted(load.versions.items()))
    return Text(
        f"\nrequests: {load.sent} sent, {load.lost_total} lost to the rollouts; answered by {answered}; "
        f"a version's own errors: {own or 'none'}; p50 {load.latency.p50_ms:g} ms, p99 {load.latency.p99_ms:g} ms"
    )


def _times(outcome: Outcome) -> Text:
    steps = ", ".join(f"{number}: {took_s:.1f} s" for number, took_s in sorted(outcome.step_durations_s.items()))
    safe_s = outcome.verdict_to_safe_s
    safe = "no bad verdict" if safe_s is None else f"{safe_s:.2f} s (to reach: {SAFE_TO_REACH_S:g} s)"
    return Text(f"v2, time per step: {steps}\nv3, from the bad verdict to no traffic: {safe}")
