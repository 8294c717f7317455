"""When a check is measured and how far back: never over the step's start, never before there is anything to see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts.rollout import Check
from tidegate_metrics_analyzer import window
from tidegate_metrics_analyzer.question import Reach

START_S = 1_700_000_000.0


def check(**given_values: float) -> Check:
    return Check(name="errors", query="q", maximum=1.0, **given_values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("look_back_s", "elapsed_s", "expected_s"),
    [(30.0, 5.0, 5.0), (30.0, 300.0, 30.0), (30.0, 1.2345, 1.234), (30.0, 0.0, 0.0)],
    ids=["cut at the step's start", "the check's own", "whole milliseconds, rounded down", "nothing yet"],
)
def test_the_window_never_reaches_before_the_step(look_back_s: float, elapsed_s: float, expected_s: float) -> None:
    assert window.window_s(check(window_s=look_back_s), Reach(), 1000.0, 1000.0 + elapsed_s) == expected_s


@given(
    subject=st.builds(check, window_s=st.floats(1, 1e6), initial_delay_s=st.floats(0, 1e4)),
    reach=st.builds(Reach, fixed_s=st.floats(0, 1e4), windows=st.integers(1, 5), nested=st.booleans()),
    since_s=st.floats(START_S, 2 * START_S),
    late_s=st.floats(0, 1e4),
)
def test_every_measurement_fits_between_the_steps_start_and_now(
    subject: Check, reach: Reach, since_s: float, late_s: float
) -> None:
    now_s = window.first_at_s(subject, reach, since_s) + late_s
    found_s = window.window_s(subject, reach, since_s, now_s)
    assert found_s >= window.WINDOW_S_MIN
    tolerance_s = 0.001
    reached_s = found_s * reach.windows + reach.fixed_s if reach.nested else max(found_s, reach.fixed_s)
    assert now_s - reached_s >= since_s - tolerance_s


@pytest.mark.parametrize(
    ("delay_s", "reach", "expected_s"),
    [
        (0.0, Reach(), 1.0),
        (20.0, Reach(), 20.0),
        (0.0, Reach(fixed_s=300), 300.0),
        (0.0, Reach(fixed_s=60, windows=3, nested=True), 63.0),
    ],
    ids=["a second at least", "the check's own delay", "a written-out range is waited for", "nested ranges add up"],
)
def test_the_first_measurement_waits_for_its_look_back(delay_s: float, reach: Reach, expected_s: float) -> None:
    assert window.first_at_s(check(initial_delay_s=delay_s), reach, START_S) == START_S + expected_s


@pytest.mark.parametrize(("now_s", "expected_s"), [(90.0, 100.0), (100.0, 102.0), (101.7, 102.0), (109.0, 110.0)])
def test_moments_that_were_missed_are_skipped(now_s: float, expected_s: float) -> None:
    assert window.next_at_s(100.0, 2.0, now_s) == expected_s


def test_a_timer_that_fires_a_little_early_does_not_make_its_moment_due_twice() -> None:
    assert window.next_at_s(100.0, 2.0, 101.99) == 104.0
