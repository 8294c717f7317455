"""What is drawn says what is known, and nothing that somebody wrote into an event can forge or break it."""

import json
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, RenderableType
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_cli import assessed, compared, describe, draw, findings
from tidegate_cli.index import open_rollouts
from tidegate_cli.projection import project
from tidegate_cli.stored import StoredEvent, decoded
from tidegate_cli.views import RolloutView, Verdict
from tidegate_contracts import codec, subjects
from tidegate_contracts.comparison import Compared
from tidegate_contracts.plan import plan
from tidegate_contracts.problem import Problem
from tidegate_contracts.rollout import STYLES, Bake, Pause
from tidegate_contracts.templates import Assessed
from tidegate_contracts.workload import WorkloadKey

SAMPLES = Path(__file__).parents[3] / "contracts" / "samples"
KEY = WorkloadKey("default", "shop", "deployment.apps", "web")


def text(drawn: RenderableType) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(drawn)
    return capture.get()


def judged() -> Saga:
    saga = Saga()
    saga.ask(request(step("20%", 20, analysis=ANALYSIS, pause=Pause(duration_s=90)), traffic=(ROUTE,)))
    saga.prepared()
    for answer in (saga.shifted, saga.ready, saga.shifted, saga.ready):
        answer()
    saga.judged("fail")
    return saga


def test_a_rollout_is_drawn_with_what_decided_it() -> None:
    shown = text(draw.rollout(project(judged().history)))
    for part in ("Deployment", "web", "rolling back", "errors", "20%", "1m30s", "v1 to v2", "fail"):
        assert part in shown


def test_a_bake_and_what_was_only_tried_are_drawn() -> None:
    sample = (SAMPLES / "analysis.concluded.v1.bake.json").read_bytes()
    shown = " ".join(text(draw._verdict(msgspec.json.decode(sample, type=Verdict))).split())
    assert "bake: pass" in shown
    assert "latency: fail, dry run, 812" in shown
    wanted = request(step("100%"), bake=Bake(duration_s=90.0, analysis=ANALYSIS))
    assert "then a bake of 1m30s, judged by errors" in text(draw.plan(wanted, plan(wanted)))


def test_a_comparison_is_drawn_with_both_samples_and_what_decided() -> None:
    sample = json.loads((SAMPLES / "analysis.concluded.v1.comparing.json").read_text())
    evidence = msgspec.convert(sample["measurements"][0]["compared"], Compared)
    assert compared.shown(evidence) == (
        "canary: 11 points, median 0.31; stable: 12 points, median 0.2; canary higher beyond the tolerance in 100 %; "
        "odds 341 (fails at 200), p not yet known (fails at 0.005); decided by the sequential test"
    )
    verdict = msgspec.convert({**sample, "at_s": 1.0}, Verdict)
    assert "decided by the sequential test" in " ".join(text(draw._verdict(verdict)).split())
    late = msgspec.structs.replace(evidence, rule="rank_test", p_value=0.1234, direction="either")
    assert "canary different" in compared.shown(late)
    assert "p 0.12 (fails at 0.005); decided by the rank test" in compared.shown(late)


def test_a_templates_metric_is_drawn_with_its_conditions_limits_and_samples() -> None:
    sample = json.loads((SAMPLES / "analysis.concluded.v1.templates.json").read_text())
    evidence = msgspec.convert(sample["measurements"][0]["assessed"], Assessed)
    assert assessed.shown(evidence) == (
        "succeeds if result[0] >= 0.95; fails if result[0] < 0.93; 3 of 5 measurements: Successful [0.99] Error "
        "Failed [0.91]; 2 failed (limit 1); decided by failure_limit"
    )
    verdict = msgspec.convert({**sample, "at_s": 1.0}, Verdict)
    assert "decided by failure_limit" in " ".join(text(draw._verdict(verdict)).split())
    dry = Assessed(phase="Running", rule="going_on", dry_run=True, failed=3, failure_limit=None)
    said = "no condition; 0 measurements: none; 3 failed (limit none); dry run; decided by going_on"
    assert assessed.shown(dry) == said
    named = json.loads((SAMPLES / "rollout.requested.v1.templates.json").read_text())
    asked = codec.decode_request(json.dumps(named).encode())
    assert "success-rate, latency.eu" in " ".join(text(draw.plan(asked, plan(asked))).split())


@pytest.mark.parametrize("strategy", STYLES)
def test_a_plan_and_a_rollout_say_their_strategy(strategy: str) -> None:
    asked = request(step("50%"), strategy=strategy, failure_threshold="10%")
    shown = text(draw.plan(asked, plan(asked)))
    assert shown.startswith(f"{strategy}: ")
    assert "; 10% of a batch's pods may be unready" in shown
    assert "2 (added)" in shown
    saga = Saga()
    saga.ask(asked)
    assert strategy in text(draw.rollout(project(saga.history)))


def test_a_plan_without_a_threshold_says_nothing_of_unready_pods() -> None:
    asked = request(step("50%"))
    assert "unready" not in text(draw.plan(asked, plan(asked)))


def test_a_listing_has_a_line_for_each_rollout() -> None:
    view = project(judged().history)
    shown = text(draw.listing([view, RolloutView(rollout="web-9", namespace="shop")], 2000.0, namespaces=True))
    assert [line.split()[:2] for line in shown.splitlines()[1:]] == [[view.rollout, "web"], ["shop", "web-9"]]
    assert text(draw.listing([], 0.0, namespaces=False)) == "no rollouts\n"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(-5, "0s"), (0.4, "0s"), (59, "59s"), (61, "1m01s"), (3700, "1h01m"), (90_000, "1d1h")]
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert draw.duration(seconds) == shown


def test_markup_in_an_event_is_only_text() -> None:
    problem = Problem(field="x", value="[red]forged[/red]", rule="r", remedy="m")
    view = RolloutView(rollout="web-1", phase="rejected", problems=(problem,), reason="[bold]b[/bold]")
    shown = text(draw.rollout(view))
    assert "[red]forged[/red]" in shown


def stored(payload: bytes, subject: str) -> StoredEvent:
    return StoredEvent(
        sequence=7,
        subject=subject,
        stored_at="2026-11-23T16:06:40.25Z",
        headers={"ce-id": "m-1", "ce-type": "t", "ce-source": "s"},
        payload=payload,
        parsed=subjects.parse_event(subject),
        event=decoded(payload),
    )


def promoted() -> Saga:
    saga = Saga()
    saga.ask(request(step("100%", 100), traffic=(ROUTE,), strategy="canary"))
    return saga.to_end()


@pytest.mark.parametrize("saga", [judged(), promoted()], ids=["judged", "promoted"])
def test_every_event_of_a_rollout_fits_on_a_line(saga: Saga) -> None:
    for event in saga.history:
        subject = subjects.event(KEY, event.rollout, "orchestrator", codec.tag_of(event))
        line = describe.detail(stored(codec.encode(event), subject))
        assert "\n" not in line
        assert line.isprintable()


def test_an_event_of_a_newer_version_is_kept_for_programs() -> None:
    subject = subjects.event(KEY, "r-1", "orchestrator", "rollout.accepted.v1")
    newer = stored(b'{"type":"rollout.blessed.v2","by":"x"}', subject)
    assert newer.event is None
    assert "can't read" in describe.detail(newer)
    assert describe.cloud_event(newer)["data"] == {"type": "rollout.blessed.v2", "by": "x"}


def test_garbage_in_the_history_is_shown_as_it_is() -> None:
    subject = subjects.event(KEY, "r-1", "orchestrator", "rollout.accepted.v1")
    document = describe.cloud_event(stored(b"\xff{", subject))
    assert document["data_base64"] == b"\xff{"
    assert document["id"] == "m-1"


def test_open_rollouts_are_those_without_an_end() -> None:
    def of(rollout: str, tag: str) -> str:
        return subjects.event(KEY, rollout, "orchestrator", tag)

    seen = [
        of("web-1", "rollout.accepted.v1"),
        of("web-1", "rollout.rolled-back.v1"),
        of("web-2", "rollout.accepted.v1"),
        of("web-2", "rollout.paused.v1"),
        of("web-3", "rollout.rejected.v1"),
        "tidegate.events.of.another.shape",
    ]
    assert list(open_rollouts(seen)) == [(KEY, "web-2")]


def test_findings_show_their_remedies() -> None:
    shown = text(findings.table([findings.good("NATS", "fine"), findings.fault("stream", "missing", "Declare it.")]))
    assert "remedy: Declare it." in shown
