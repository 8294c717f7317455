"""One rollout after another where the styles keep every stable pod: taken over, given back, promoted first."""

from typing import Any

import pytest
from support.saga import ROUTE, Saga, request, step
from support.saga_styles import PREVIEW, asked, both, in_trouble, promoting

from tidegate_contracts.controls import Cancel, Pause, Resume, Retry, RollBack
from tidegate_contracts.facts import (
    BatchStalled,
    PodCounts,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    PrepareWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
)


@both
def test_a_newer_rollout_of_the_same_style_takes_the_hold_over(style: str) -> None:
    saga = asked(style, step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    saga.ask(request(*PREVIEW, strategy=style, traffic=(ROUTE,), rollout="new"))
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert saga.standing(ShiftTraffic, saga.orders.traffic).weight_percent == 0
    assert saga.prepared() == []
    assert saga.shifted() == ["StepStarted"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [("canary", "partition"), ("partition", "canary"), ("blue_green", "canary"), ("canary", "blue_green")],
)
def test_a_rollout_of_another_style_is_given_back_first_its_traffic_before_its_pods(older: str, newer: str) -> None:
    saga = asked(older, step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    assert saga.ask(request(strategy=newer, traffic=(ROUTE,), rollout="new")) == [
        "RolloutSuperseded",
        "RolloutAccepted",
    ]
    assert saga.orders.workload is None
    lowering = saga.standing(ShiftTraffic, saga.orders.traffic)
    assert (lowering.weight_percent, lowering.stable_revision, lowering.lowering) == (0, "v1", True)
    assert saga.shifted() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style, release.stable_revision) == ("restore", older, "v1")
    assert saga.released() == ["PreparationStarted"]
    assert saga.standing(PrepareWorkload, saga.orders.workload).style == newer
    assert saga.prepared() == ["StepStarted"]


def test_a_rollout_of_another_style_without_traffic_is_given_back_at_once() -> None:
    saga = asked("canary", step("50%"), step("100%"), traffic=(), rollout="old")
    saga.to_step(2)
    saga.ask(request(rollout="new"))
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("restore", "canary")
    assert saga.released() == ["PreparationStarted"]


def test_a_rollout_of_another_style_that_touched_nothing_is_not_given_back() -> None:
    saga = asked("canary", rollout="old")
    saga.ask(request(rollout="new"))
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert saga.prepared() == ["StepStarted"]


@both
def test_a_rollout_in_its_promotion_is_promoted_first_its_traffic_before_the_extra_pods(style: str) -> None:
    saga = promoting(style, rollout="old")
    saga.ask(request(strategy=style, traffic=(ROUTE,), rollout="new"))
    assert saga.orders.workload is None
    assert isinstance(saga.orders.traffic, ReleaseTraffic)
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("promote", style)
    assert saga.released() == ["PreparationStarted"]
    assert saga.prepared("v2") == ["TrafficPinStarted"]


def test_a_promotion_that_was_being_rolled_back_is_restored_first() -> None:
    saga = promoting("canary", rollout="old")
    saga.tell(RollBack())
    saga.ask(request(strategy="canary", traffic=(ROUTE,), rollout="new"))
    assert saga.orders.workload is None
    saga.traffic_released()
    assert saga.standing(ReleaseWorkload, saga.orders.workload).mode == "restore"


def test_the_third_rollout_gives_back_what_the_second_had_not_yet() -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="first")
    saga.to_step(2)
    saga.ask(request(strategy="blue_green", traffic=(ROUTE,), rollout="second"))
    saga.ask(request(traffic=(ROUTE,), rollout="third"))
    assert saga.orders.workload is None
    assert saga.shifted() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("restore", "canary")


def test_a_promotion_that_two_newer_rollouts_wait_for_keeps_its_extra_pods_until_the_route_is_given_back() -> None:
    saga = promoting("canary", rollout="first")
    saga.ask(request(traffic=(ROUTE,), rollout="second"))
    saga.ask(request(traffic=(ROUTE,), rollout="third"))
    assert saga.orders.workload is None
    assert saga.traffic_released() == ["PodsReleaseStarted"]
    release = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (release.mode, release.style) == ("promote", "canary")


def test_a_hold_that_was_taken_over_is_given_back_before_another_style_begins() -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="first")
    saga.to_step(2)
    saga.ask(request(strategy="canary", traffic=(ROUTE,), rollout="second"))
    saga.prepared()
    saga.ask(request(rollout="third"))
    saga.traffic_released()
    assert saga.standing(ReleaseWorkload, saga.orders.workload).style == "canary"


def test_what_is_held_in_another_style_and_cannot_be_given_back_is_a_doubt() -> None:
    saga = asked("canary", step("50%"), step("100%"), traffic=(), rollout="old")
    saga.to_step(2)
    saga.ask(request(rollout="new"))
    stalled = BatchStalled(**saga.pod_fields(), step=0, reason="quota")
    assert saga.report(stalled) == ["RolloutPaused"]
    before = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert saga.tell(Retry()) == ["StepRetried"]
    again = saga.standing(ReleaseWorkload, saga.orders.workload)
    assert (again.style, again.mode) == ("canary", "restore")
    assert again.revision > before.revision
    assert saga.released() == ["PreparationStarted"]


@pytest.mark.parametrize("control", [RollBack(), Cancel()], ids=["roll-back", "cancel"])
def test_turning_back_while_an_older_style_is_given_back_still_releases_it_as_it_was_held(control: Any) -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    saga.ask(request(traffic=(ROUTE,), rollout="new"))
    saga.tell(control)
    assert saga.orders.workload is None
    while not isinstance(saga.orders.workload, ReleaseWorkload):
        saga.answer()
    assert saga.orders.workload.style == "canary"
    saga.to_end()
    assert saga.terminal in ("RolloutRolledBack", "RolloutCancelled")


def test_a_pause_keeps_an_older_style_from_being_given_back_until_it_is_over() -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    saga.ask(request(traffic=(ROUTE,), rollout="new"))
    saga.tell(Pause())
    assert saga.shifted() == []
    assert saga.orders.workload is None
    assert saga.tell(Resume()) == ["RolloutResumed", "PodsReleaseStarted"]


def test_trying_again_tells_the_workload_controller_nothing_before_the_traffic_has_left() -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    saga.ask(request(traffic=(ROUTE,), rollout="new"))
    saga.report(in_trouble(saga, "traffic"))
    assert saga.tell(Retry()) == ["StepRetried"]
    assert saga.orders.workload is None
    assert saga.shifted() == ["PodsReleaseStarted"]


def test_what_was_given_back_already_is_not_given_back_again() -> None:
    saga = asked("canary", step("50%", 50), step("100%", 100), rollout="old")
    saga.to_step(2)
    saga.tell(RollBack())
    saga.shifted()
    saga.report_unseen(_released(saga))
    saga.ask(request(traffic=(ROUTE,), rollout="new"))
    assert isinstance(saga.orders.workload, PrepareWorkload)
    assert not saga.rollout.touched


def _released(saga: Saga) -> Any:
    counts = PodCounts(replicas=10, updated=0, updated_ready=0, stable=10, stable_ready=10)
    return WorkloadReleased(**saga.pod_fields(), mode="restore", counts=counts)
