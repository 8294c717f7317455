"""The demo's live terminal: two rollouts, what outsiders see of them, and what each waits for.

`Screen` is asked a few times a second by `__main__`; it reads the witnesses and the bus, and decides nothing.
"""

import time
from collections.abc import Iterable
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidegate_cli.projection import RolloutView, StepView, project
from tidegate_contracts.codec import AnyEvent, tag_of
from tidegate_demo.scenario import IMAGES, RATE_PER_S, World

EVENTS_SHOWN: Final = 8
SHARE_WINDOW_S: Final = 2.0
BAR_CELLS: Final = 20
DETAIL_LENGTH: Final = 64
STEP_STYLE: Final = {"done": "green", "now": "bold cyan", "to come": "dim"}
VERDICT_STYLE: Final = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}
PHASE_STYLE: Final = {"completed": "bold green", "rolling back": "bold red", "rolled back": "bold yellow"}
VERSION_STYLE: Final = {"v1": "blue", "v2": "green", "v3": "red"}


class Screen:
    """Draws the world as it is when asked."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __rich__(self) -> RenderableType:
        self._world.load.read()
        views = [self._view(rollout) for rollout in self._rollouts()]
        return Group(*(_rollout(view) for view in views), self._witnesses(), self._events())

    def _rollouts(self) -> Iterable[str]:
        return dict.fromkeys(event.rollout for event in self._world.listener.events)

    def _view(self, rollout: str) -> RolloutView:
        listener = self._world.listener
        seen = [message for message in (*listener.events, *listener.telemetry) if message.rollout == rollout]
        return project(sorted(seen, key=lambda message: message.at_s))

    def _witnesses(self) -> Panel:
        grid = Table.grid(padding=(0, 3))
        grid.add_row(self._pods(), self._shares())
        return Panel(grid, title="what outsiders see: API server and proxy", title_align="left", border_style="dim")

    def _pods(self) -> Table:
        table = Table("revision", "ready", "pods", "leaving", box=None, header_style="dim")
        sample = self._world.observer.latest
        versions = {image: version for version, image in IMAGES.items()}
        for revision, pods in sorted(sample.by_revision.items()) if sample else ():
            version = versions.get(sample.images.get(revision, ""), "?") if sample else "?"
            cells = (str(pods.ready), str(pods.total), str(pods.terminating or ""))
            table.add_row(Text(f"{version} {revision}", style=VERSION_STYLE.get(version, "")), *cells)
        return table

    def _shares(self) -> Table:
        load = self._world.load
        table = Table("version", "share of requests", "", "good", box=None, header_style="dim")
        success = load.success_percent(SHARE_WINDOW_S)
        for version, share in load.shares(SHARE_WINDOW_S).items():
            style = VERSION_STYLE.get(version, "")
            table.add_row(
                Text(version, style=style), f"{share:5.1f} %", _bar(share, style), f"{success[version]:5.1f} %"
            )
        sent = sum(window.sent for window in load.windows)
        lost = sum(window.lost_total for window in load.windows)
        table.add_row(
            "", f"{sent} sent at {RATE_PER_S:g}/s", "", Text(f"{lost} lost", style="red" if lost else "green")
        )
        return table

    def _events(self) -> Panel:
        lines = Text()
        for event in self._world.listener.events[-EVENTS_SHOWN:]:
            moment = time.strftime("%H:%M:%S", time.localtime(event.at_s))
            lines.append(f"{moment}.{int(event.at_s % 1 * 1000):03}  ", style="dim")
            lines.append(f"{tag_of(event)}  ")
            lines.append(f"{_detail(event)}\n", style="dim")
        lines.rstrip()
        return Panel(lines, title="tidegate.events.>", title_align="left", border_style="dim")


def _rollout(view: RolloutView) -> Panel:
    head = Text.assemble(
        (view.phase, PHASE_STYLE.get(view.phase, "bold cyan")),
        (f"  waits for {view.waits_for}" if view.waits_for else "", "dim"),
        (f"  {view.reason}" if view.reason else "", "yellow"),
    )
    table = Table("step", "pods", "weight asked", "verdict", "time", box=None, header_style="dim")
    for step in view.steps:
        table.add_row(*_step(view, step), style=STEP_STYLE[step.state])
    asked = "" if view.weight_asked_percent is None else f"weight asked for {view.weight_asked_percent} %"
    accepted = "" if view.weight_percent is None else f", accepted {view.weight_percent} %"
    body = Group(head, table, Text(asked + accepted, style="dim"))
    return Panel(body, title=f"rollout {view.rollout} of {view.workload}", title_align="left")


def _step(view: RolloutView, step: StepView) -> tuple[RenderableType, ...]:
    target = step.plan.target
    pods = f"{target.percent} %" if target.percent is not None else str(target.count)
    if step.state == "now" and view.counts is not None:
        pods += f"  {view.counts.updated_ready}/{view.counts.updated} ready"
    said = [verdict for verdict in view.verdicts if verdict.step == step.plan.number]
    verdict = Text(said[-1].verdict, style=VERDICT_STYLE[said[-1].verdict]) if said else Text("")
    ended_s = step.ended_at_s or (view.ended_at_s or time.time() if step.state == "now" else None)
    took = f"{ended_s - step.started_at_s:.1f} s" if ended_s and step.started_at_s else ""
    weight = "" if step.plan.weight_percent is None else f"{step.plan.weight_percent} %"
    return str(step.plan.number), pods, weight, verdict, took


def _bar(share: float, style: str) -> Text:
    cells = round(share / 100 * BAR_CELLS)
    return Text("█" * cells, style=style) + Text("░" * (BAR_CELLS - cells), style="dim")


def _detail(event: AnyEvent) -> str:
    """The few fields that a person wants in one line."""
    named = ("step", "weight_percent", "verdict", "target_pods", "reason")
    shown = [f"{name}={getattr(event, name)}" for name in named if getattr(event, name, "") not in ("", None)]
    return " ".join(shown)[:DETAIL_LENGTH]
