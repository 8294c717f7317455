"""Views as text: the tables and the panel that `list`, `show`, `watch` and `--dry-run` print. Pure; no console here."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tidegate_cli import assessed, compared, scored, sparkline
from tidegate_cli.views import RolloutView, StepView, Verdict
from tidegate_contracts.facts import Measurement, PodCounts
from tidegate_contracts.plan import PlannedStep
from tidegate_contracts.rollout import Analysis, Bake, RolloutRequested, Style

STYLE: Final = {
    "completed": "green",
    "rolled back": "yellow",
    "cancelled": "yellow",
    "superseded": "yellow",
    "failed": "red",
    "rejected": "red",
    "rolling back": "yellow",
    "done": "green",
    "now": "bold cyan",
    "to come": "dim",
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
}
STRATEGY: Final[dict[Style, str]] = {
    "partition": "new pods take the place of old ones",
    "canary": "new pods come beside the workload, and old ones stay until it is promoted",
    "blue_green": "the workload grows by the new pods, and old ones stay until it is promoted",
}
MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400


def duration(seconds: float) -> str:
    if seconds < MINUTE_S:
        return f"{max(0.0, seconds):.0f}s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f}m{seconds % MINUTE_S:02.0f}s"
    if seconds < DAY_S:
        return f"{seconds // HOUR_S:.0f}h{seconds % HOUR_S // MINUTE_S:02.0f}m"
    return f"{seconds // DAY_S:.0f}d{seconds % DAY_S // HOUR_S:.0f}h"


def clock(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, tz=dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def target(step: PlannedStep) -> str:
    return f"{step.target.percent}%" if step.target.percent is not None else str(step.target.count)


def progress(view: RolloutView) -> str:
    return f"{view.step}/{len(view.steps)}" if view.steps else "-"


def pods(counts: PodCounts | None) -> str:
    return f"{counts.updated_ready} new, {counts.stable_ready} old of {counts.replicas}" if counts else "-"


def weight(view: RolloutView) -> str:
    if view.weight_percent is None and view.weight_asked_percent is None:
        return "-"
    accepted = "?" if view.weight_percent is None else f"{view.weight_percent}"
    asked = view.weight_asked_percent
    return f"{accepted}%" if asked in (None, view.weight_percent) else f"{accepted}% of {asked}%"


def state(view: RolloutView) -> Text:
    text = Text(view.phase, style=STYLE.get(view.phase, ""))
    return text.append(" (paused)", style="yellow") if view.paused is not None else text


def waiting(view: RolloutView) -> str:
    """What stands between the rollout and its next move; after its end, why it ended."""
    if view.paused is not None:
        return f"somebody to resume it: {view.paused}"
    if view.superseded_by:
        return f"superseded by {view.superseded_by}"
    if view.problems:
        return str(view.problems[0])
    return view.reason if view.ended else view.waits_for


def listing(views: Sequence[RolloutView], now_s: float, *, namespaces: bool) -> RenderableType:
    if not views:
        return Text("no rollouts")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in [
        *(["NAMESPACE"] if namespaces else []),
        "ROLLOUT",
        "WORKLOAD",
        "STATE",
        "STEP",
        "PODS",
        "TRAFFIC",
        "AGE",
    ]:
        table.add_column(column, no_wrap=True)
    table.add_column("WAITS FOR")
    for view in views:
        age = duration(now_s - view.accepted_at_s) if view.accepted_at_s is not None else "-"
        first = [view.namespace] if namespaces else []
        row: list[str | Text] = [
            view.rollout,
            view.workload or "-",
            state(view),
            progress(view),
            pods(view.counts),
            weight(view),
            age,
        ]
        table.add_row(*first, *row, Text(waiting(view)))
    return table


def plan(request: RolloutRequested, steps: Sequence[PlannedStep]) -> RenderableType:
    bakes = [Text(), Text(f"then a bake of {bake(request.bake)}")] if request.bake is not None else []
    table = _steps([StepView(plan=step) for step in steps], with_state=False)
    return Group(Text(strategy(request)), Text(), table, *bakes)


def bake(said: Bake) -> str:
    judged = f", judged by {names(said.analysis)}" if said.analysis is not None else ""
    return f"{duration(said.duration_s)}{judged}"


def strategy(request: RolloutRequested) -> str:
    """Where the new pods come, and how many of a batch may be unready."""
    allowed = request.failure_threshold
    unready = f"; {allowed} of a batch's pods may be unready" if allowed not in (None, 0, "0%") else ""
    return f"{request.strategy}: {STRATEGY[request.style]}{unready}"


def _steps(steps: Sequence[StepView], *, with_state: bool) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ["STEP", "PODS", "TRAFFIC", "ANALYSIS", "PAUSE", *(["STATE", "TOOK"] if with_state else [])]:
        table.add_column(column)
    for step in steps:
        cells: list[str | Text] = [
            f"{step.plan.number}{' (added)' if step.plan.added else ''}",
            target(step.plan),
            _traffic(step.plan),
            _analysis(step.plan),
            _pause(step.plan),
        ]
        if with_state:
            cells += [Text(step.state, style=STYLE[step.state]), _took(step)]
        table.add_row(*cells)
    return table


def _traffic(step: PlannedStep) -> str:
    parts = [] if step.weight_percent is None else [f"{step.weight_percent}%"]
    if step.matches:
        parts.append(f"{len(step.matches)} match{'es' if len(step.matches) > 1 else ''}")
    return ", ".join(parts) or "-"


def _analysis(step: PlannedStep) -> str:
    return names(step.analysis) if step.analysis is not None else "-"


def names(analysis: Analysis) -> str:
    """What is judged, each by its name."""
    parts = (analysis.checks, analysis.templates, analysis.verdicts, analysis.alerts)
    judged = [one.name for part in parts for one in part]
    return ", ".join([*judged, *(["pod health"] if analysis.pod_health else [])])


def _pause(step: PlannedStep) -> str:
    if step.pause is None:
        return "-"
    return "until approved" if step.pause.duration_s is None else duration(step.pause.duration_s)


def _took(step: StepView) -> str:
    if step.started_at_s is None or step.ended_at_s is None:
        return "-"
    return f"{step.ended_at_s - step.started_at_s:.1f}s"


def rollout(view: RolloutView) -> RenderableType:
    """Everything about one rollout: what `show` prints and `watch` keeps drawing."""
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(view):
        facts.add_row(Text(name, style="dim"), value)
    parts: list[RenderableType] = [facts]
    if view.steps:
        parts += [Text(), _steps(view.steps, with_state=True)]
    if view.verdicts:
        parts += [Text(), *(_verdict(verdict) for verdict in view.verdicts)]
    if view.phase in {"judging", "baking"} and view.measured:
        parts += [Text(), _measured(view.measured)]
    for problem in view.problems:
        parts += [Text(), Text(str(problem), style="red")]
    style = STYLE.get(view.phase, "cyan")
    return Panel(Group(*parts), title=view.rollout, title_align="left", border_style=style, expand=False)


def _facts(view: RolloutView) -> list[tuple[str, RenderableType]]:
    workload = f"{view.kind} {view.namespace}/{view.workload}" if view.workload else "-"
    rows: list[tuple[str, RenderableType]] = [("workload", workload)]
    if view.request is not None:
        rows.append(("strategy", Text(view.request.strategy)))
        rows += [("bake", Text(bake(view.request.bake)))] if view.request.bake is not None else []
    rows.append(("state", state(view)))
    rows += [("waits for" if not view.ended else "because", Text(waiting(view)))] if waiting(view) else []
    rows += [("pods ready", pods(view.counts)), ("traffic", weight(view))]
    if view.stable_revision or view.canary_revision:
        rows.append(("revisions", f"{view.stable_revision or '?'} to {view.canary_revision or '?'}"))
    if view.accepted_at_s is not None:
        rows.append(("accepted", clock(view.accepted_at_s)))
    if view.ended_at_s is not None:
        rows.append(("ended", clock(view.ended_at_s)))
    if view.refused is not None and not view.ended:
        rows.append(("refused", Text(str(view.refused), style="yellow")))
    return rows


def _verdict(verdict: Verdict) -> RenderableType:
    about = f"step {verdict.step}" if verdict.scope == "step" else verdict.scope
    text = Text.assemble(
        f"{clock(verdict.at_s)}  {about}: ", (verdict.verdict, STYLE[verdict.verdict]), f"  {verdict.reason}"
    )
    for line in scored.lines(verdict.scored) if verdict.scored is not None else ():
        text.append(f"\n    {line}")
    for measurement in verdict.measurements:
        text.append_text(_measurement(measurement))
    return text


def _measured(measurements: Sequence[Measurement]) -> RenderableType:
    """What decides nothing yet."""
    text = Text("measured so far:")
    for measurement in measurements:
        text.append_text(_measurement(measurement))
    return text


def _measurement(measurement: Measurement) -> Text:
    last = next((value for value in reversed(measurement.values) if value is not None), None)
    shown = "told" if measurement.told is not None else "no value" if last is None else f"{last:g}"
    tried = ", dry run" if measurement.dry_run else ""
    said = f"{measurement.verdict}{tried}, {shown} ({measurement.reason})"
    text = Text(f"\n    {measurement.check}: {said}", style="dim")
    if any(value is not None for value in measurement.values):
        text.append("\n").append_text(sparkline.shown(measurement, "      "))
    if measurement.compared is not None:
        text.append(f"\n      {compared.shown(measurement.compared)}")
    if measurement.assessed is not None:
        text.append(f"\n      {assessed.shown(measurement.assessed)}")
    if measurement.told is not None and measurement.told.link:
        text.append(f"\n      {measurement.told.link}")
    return text
