"""What a verdict leads to is the analysis' own to say; without a verdict nothing ever goes on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.saga import ANALYSIS, Saga, request, step

from tidegate_contracts import rollout
from tidegate_contracts.controls import Pause, Resume
from tidegate_contracts.rollout import Analysis
from tidegate_orchestrator.wakeup import next_wakeup

ANY_TIME = rollout.Pause()
WAITS = {"on_inconclusive": "roll_back", "answer_within_s": 60.0}


def judging(**fields: Any) -> Saga:
    """The first of two steps is measured, by an analysis with these fields."""
    saga = Saga()
    saga.ask(request(step("50%", analysis=analysis(**fields)), step("100%"), on_failure="pause"))
    saga.to_step(1).ready()
    return saga


def analysis(**fields: Any) -> Analysis:
    return replace(ANALYSIS, **fields)


@pytest.mark.parametrize(
    ("on_failure", "said"),
    [(None, ["RolloutPaused"]), ("pause", ["RolloutPaused"]), ("roll_back", ["RollbackStarted", "PodsReleaseStarted"])],
)
def test_a_failing_step_does_what_its_analysis_says_before_what_the_request_says(
    on_failure: str | None, said: list[str]
) -> None:
    assert judging(on_failure=on_failure).judged("fail") == said


def test_a_failing_step_that_is_only_told_of_goes_on() -> None:
    saga = judging(on_failure="go_on")
    assert saga.judged("fail") == ["StepCompleted", "StepStarted"]
    assert saga.to_end().terminal == "RolloutCompleted"


def test_what_is_only_told_of_in_the_background_changes_nothing() -> None:
    saga = Saga()
    saga.ask(request(analysis=analysis(on_failure="go_on")))
    saga.to_step(2)
    assert saga.judged("fail", scope="background") == []
    assert saga.to_end().terminal == "RolloutCompleted"


def test_where_failing_is_only_told_of_an_inconclusive_verdict_waits_all_the_same() -> None:
    assert judging(on_failure="go_on").judged("inconclusive") == ["RolloutPaused"]


def test_an_inconclusive_step_may_roll_back_at_once() -> None:
    assert judging(on_inconclusive="roll_back").judged("inconclusive")[0] == "RollbackStarted"


def test_an_inconclusive_step_rolls_back_when_nobody_answers_in_time() -> None:
    saga = judging(**WAITS)
    assert saga.judged("inconclusive") == ["RolloutPaused"]
    assert next_wakeup(saga.workload) == saga.now_s + 60.0
    assert saga.wait(59.0) == []
    assert saga.wait(1.0)[0] == "RollbackStarted"


def test_the_time_to_answer_begins_with_the_pause_whoever_held_it_before() -> None:
    saga = judging(**WAITS)
    saga.tell(Pause())
    saga.now_s += 1000.0
    assert saga.judged("inconclusive") == ["RolloutPaused"]
    assert saga.wait(59.0) == []
    assert saga.wait(1.0)[0] == "RollbackStarted"


def test_somebody_who_answers_in_time_decides() -> None:
    saga = judging(**WAITS)
    saga.judged("inconclusive")
    assert saga.tell(Resume()) == ["RolloutResumed", "StepRetried"]
    assert next_wakeup(saga.workload) is None
    assert saga.wait(61.0) == []
    assert saga.to_end().terminal == "RolloutCompleted"


def test_a_background_without_a_verdict_rolls_back_in_a_pause_too() -> None:
    saga = Saga()
    saga.ask(request(step("50%", pause=ANY_TIME), step("100%"), analysis=analysis(**WAITS)))
    saga.to_step(1).ready()
    assert saga.judged("inconclusive", scope="background") == ["RolloutPaused"]
    assert next_wakeup(saga.workload) == saga.now_s + 60.0
    assert saga.wait(60.0)[0] == "RollbackStarted"


def test_an_inconclusive_step_is_measured_once_more_and_then_waits() -> None:
    saga = judging(extend_once=True)
    first = saga.orders.analysis
    saga.now_s += 10.0
    assert saga.judged("inconclusive") == ["StepJudgingStarted"]
    again = saga.orders.analysis
    assert again is not None
    assert first is not None
    assert again.revision > first.revision
    assert again.since_s == saga.now_s
    assert saga.judged("inconclusive") == ["RolloutPaused"]


def test_what_is_measured_once_more_may_pass() -> None:
    saga = judging(extend_once=True)
    saga.judged("inconclusive")
    assert saga.to_end().terminal == "RolloutCompleted"


def test_a_rollout_that_somebody_holds_is_not_measured_once_more() -> None:
    saga = judging(extend_once=True)
    saga.tell(Pause())
    assert saga.judged("inconclusive") == ["RolloutPaused"]


@given(
    st.sampled_from((None, "roll_back", "pause", "go_on")),
    st.sampled_from(("roll_back", "pause")),
    st.booleans(),
    st.sampled_from((0.0, 60.0)),
    st.integers(1, 3),
)
def test_inconclusive_never_promotes(
    on_failure: str | None, on_inconclusive: str, extend_once: bool, answer_within_s: float, times: int
) -> None:
    saga = judging(
        on_failure=on_failure,
        on_inconclusive=on_inconclusive,
        extend_once=extend_once,
        answer_within_s=answer_within_s if on_inconclusive == "roll_back" else 0.0,
    )
    for _ in range(times):
        if saga.rollout.step != 1 or saga.rollout.hold is not None:
            break
        saga.judged("inconclusive")
        if saga.rollout.pods.answer is None and saga.rollout.step:
            saga.ready()
    saga.wait(1000.0)
    assert "StepCompleted" not in saga.said
