"""Judged before a promotion and after it: two steps with all pods say it, the first one without any traffic."""

import pytest
from msgspec.structs import replace
from support.saga import ANALYSIS, ROUTE, Saga, request, step

from tidegate_contracts.orders import ApplyBatch, ReleaseWorkload, ShiftTraffic

KEEPS_STABLE = ("blue_green", "canary")


def switching(style: str, **fields: object) -> Saga:
    before = step("100%", 0, analysis=replace(ANALYSIS, **fields))
    saga = Saga()
    saga.ask(request(before, step("100%", 100, analysis=ANALYSIS), strategy=style, traffic=(ROUTE,)))
    return saga


def judging(saga: Saga, number: int) -> Saga:
    while saga.said.count("StepJudgingStarted") < number:
        saga.answer()
    return saga


def weight(saga: Saga) -> int:
    assert isinstance(saga.orders.traffic, ShiftTraffic)
    return saga.orders.traffic.weight_percent


@pytest.mark.parametrize("style", KEEPS_STABLE)
def test_no_request_reaches_the_new_pods_before_they_passed(style: str) -> None:
    saga = judging(switching(style), 1)
    assert isinstance(saga.orders.workload, ApplyBatch)
    assert (saga.orders.workload.target.percent, weight(saga)) == (100, 0)
    assert "TrafficShiftStarted" not in saga.said
    assert saga.judged() == ["StepCompleted", "StepStarted"]
    assert weight(saga) == 0
    assert saga.ready() == ["TrafficShiftStarted"]
    assert weight(saga) == 100


@pytest.mark.parametrize(("action", "said"), [("roll_back", "RollbackStarted"), ("pause", "RolloutPaused")])
@pytest.mark.parametrize("style", KEEPS_STABLE)
def test_failing_before_it_does_what_the_analysis_says_and_moves_no_request(style: str, action: str, said: str) -> None:
    saga = judging(switching(style, on_failure=action), 1)
    assert saga.judged("fail")[0] == said
    assert weight(saga) == 0


@pytest.mark.parametrize("style", KEEPS_STABLE)
def test_failing_after_it_moves_all_requests_back_at_once_to_pods_that_are_all_there(style: str) -> None:
    saga = judging(switching(style), 2)
    assert weight(saga) == 100
    assert not saga.rollout.stable_gone
    assert saga.judged("fail") == ["RollbackStarted"]
    assert weight(saga) == 0
    assert isinstance(saga.orders.workload, ApplyBatch)
    assert saga.shifted() == ["PodsReleaseStarted"]
    assert isinstance(saga.orders.workload, ReleaseWorkload)
    assert saga.to_end().terminal == "RolloutRolledBack"


@pytest.mark.parametrize("style", KEEPS_STABLE)
def test_passing_after_it_ends_the_rollout(style: str) -> None:
    saga = judging(switching(style), 2)
    assert saga.judged()[:2] == ["StepCompleted", "PromotionStarted"]
    assert saga.to_end().terminal == "RolloutCompleted"
