"""Series are drawn with their limits by one scale, whatever is in the event; a score is drawn with all that made it."""

import io
import json
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_cli import draw, scored, sparkline
from tidegate_cli.projection import project
from tidegate_cli.views import Verdict
from tidegate_contracts.comparison import Compared
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Bake
from tidegate_contracts.telemetry import MetricsMeasured

SAMPLES = Path(__file__).parents[3] / "contracts" / "samples"


def measurement(*values: float | None, minimum: float | None = None, maximum: float | None = None) -> Measurement:
    return Measurement(
        check="x", query="q", verdict="pass", reason="r", values=values, minimum=minimum, maximum=maximum
    )


def compared(direction: str, *stable: float, **tolerance: float) -> Compared:
    said = {
        "direction": direction,
        **dict.fromkeys(("pairs", "points", "canary_points", "stable_points"), 3),
        **dict.fromkeys(("canary_median", "stable_median", "worse_percent", "odds", "odds_limit"), 1.0),
        "rule": "waiting",
        "stable_values": stable,
        **tolerance,
    }
    return msgspec.convert(said, Compared)


def beyond(text: Text) -> list[str]:
    return [text.plain[span.start : span.end] for span in text.spans if span.style == sparkline.BEYOND]


def test_a_range_is_drawn_with_its_limits_and_what_is_beyond_them() -> None:
    text = sparkline.shown(measurement(0.0, 0.01, None, 0.08, 0.02, minimum=0, maximum=0.05), "  ")
    assert text.plain == "  ▁▂·█▃ 0 to 0.08; at least 0 ▁; at most 0.05 ▆"
    assert beyond(text) == ["█"]


def test_a_comparison_is_drawn_with_the_stable_and_the_limit_that_moves_with_it() -> None:
    found = msgspec.structs.replace(
        measurement(0.2, 0.21, 0.4), compared=compared("increase", 0.2, 0.2, 0.3, tolerance_percent=10.0)
    )
    text = sparkline.shown(found, "")
    assert text.plain.splitlines() == [
        "canary   ▁▁█ 0.2 to 0.4",
        "stable   ▁▁▄ 0.2 to 0.3",
        "at most  ▁▁▆ 0.22 to 0.33",
    ]
    assert beyond(text) == ["█"]


def test_both_sides_have_a_limit_where_either_is_bad() -> None:
    found = msgspec.structs.replace(measurement(5.0, 15.0), compared=compared("either", 10.0, 10.0, tolerance=2.0))
    text = sparkline.shown(found, "")
    assert [line.split(" ")[0:2] for line in text.plain.splitlines()[2:]] == [["at", "least"], ["at", "most"]]
    assert beyond(text) == ["▁", "█"]


def test_nothing_measured_is_drawn_as_nothing() -> None:
    assert sparkline.shown(measurement(), "  ").plain == ""
    assert sparkline.shown(measurement(None, None, maximum=1), "  ").plain == ""
    assert "no value" in draw._measurement(measurement(None)).plain


anything = st.lists(st.none() | st.floats(allow_nan=False), max_size=12)


@given(anything, st.lists(st.floats(allow_nan=False), max_size=12), st.floats(allow_nan=False))
def test_whatever_an_event_says_can_be_drawn(values: list[float | None], stable: list[float], tolerance: float) -> None:
    found = measurement(*values, minimum=tolerance)
    for drawn in (found, msgspec.structs.replace(found, compared=compared("either", *stable, tolerance=tolerance))):
        lines = sparkline.shown(drawn, "").plain.splitlines()
        assert all(line.isprintable() for line in lines)
        if lines:
            assert sum(letter in sparkline.BARS + sparkline.GAP for letter in lines[0]) >= len(values)


def test_a_score_is_drawn_with_its_groups_and_what_each_check_added() -> None:
    sample = json.loads((SAMPLES / "analysis.concluded.v1.scored.json").read_text())
    verdict = msgspec.convert(sample, Verdict)
    assert verdict.scored is not None
    assert list(scored.lines(verdict.scored)) == [
        "score 35 to 65 (pass at 90, marginal at 60); decided by what is missing, which could turn it either way",
        "  group users: weight 70 %, score 50 (1 passed, 1 failed): latency (high), good-answers (pass, critical)",
        "  group pods: weight 30 %, score 0 (0 passed, 0 failed, 1 missing): memory (no data)",
    ]
    shown = draw._verdict(verdict)
    assert isinstance(shown, Text)
    assert "decided by what is missing" in shown.plain
    assert "\n      stable   ▁▁▂ 0.19 to 0.21\n" in shown.plain


def test_muted_checks_are_named_apart() -> None:
    sample = json.loads((SAMPLES / "analysis.concluded.v1.scored.json").read_text())
    sample["scored"]["checks"][0]["criticality"] = "muted"
    found = msgspec.convert(sample, Verdict).scored
    assert found is not None
    assert list(scored.lines(found))[-1] == "  not counted: latency (high)"


def test_what_is_measured_is_drawn_while_its_step_is_judged() -> None:
    saga = Saga()
    saga.ask(request(step("20%", 20, analysis=ANALYSIS), step("50%", 50, analysis=ANALYSIS), traffic=(ROUTE,)))
    saga.prepared()
    for answer in (saga.shifted, saga.ready, saga.shifted, saga.ready):
        answer()
    told = MetricsMeasured(
        rollout=saga.history[0].rollout, at_s=1.0, step=1, measurements=(measurement(0.01, 0.02, maximum=0.05),)
    )
    judging = project([*saga.history, told])
    assert judging.phase == "judging"
    assert "measured so far" in draw._measured(judging.measured).plain
    known = len(saga.history)
    saga.judged("pass")
    after = project(saga.history[known:], judging)
    assert (after.step, after.measured) == (2, ())


def test_what_is_measured_is_drawn_while_the_rollout_bakes_without_its_last_steps() -> None:
    saga = Saga()
    saga.ask(request(step("100%", analysis=ANALYSIS), bake=Bake(duration_s=600.0, analysis=ANALYSIS)))
    rollout = saga.history[0].rollout
    before = project(
        [*saga.history, MetricsMeasured(rollout=rollout, at_s=1.0, step=1, measurements=(measurement(0.01),))]
    )
    known = len(saga.history)
    baking = project(saga.to_bake().history[known:], before)
    assert (baking.phase, baking.measured) == ("baking", ())
    told = MetricsMeasured(rollout=rollout, at_s=2.0, step=1, measurements=(measurement(0.02, maximum=0.05),))
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(draw.rollout(project([told], baking)))
    assert "measured so far" in console.export_text()
