"""The demo's judgement: each promise is kept by a good run and broken by the fault that it is about."""

import pytest

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import RolloutAccepted, StepStarted
from tidegate_contracts.orders import Target
from tidegate_contracts.plan import plan
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadReference
from tidegate_demo import promises
from tidegate_demo.observer import RevisionPods, Sample
from tidegate_sandbox.load.tally import Counts, VersionCount, Window

REQUEST = RolloutRequested(
    workload=WorkloadReference(name="web"), steps=(Step(replicas="20%"), Step(replicas="40%"), Step(replicas="100%"))
)
COMMON = {"rollout": "r", "active": "r", "cause": "c"}


def _history() -> list[AnyEvent]:
    return [
        RolloutAccepted(revision=1, at_s=0.0, request=REQUEST, plan=plan(REQUEST), **COMMON),
        StepStarted(revision=2, at_s=1.0, step=1, **COMMON),
        StepStarted(revision=3, at_s=5.0, step=2, **COMMON),
    ]


def _sample(at_s: float, *, old: int, new: int, ready: int | None = None) -> Sample:
    pods = {"a": RevisionPods(old, old), "b": RevisionPods(new, new if ready is None else ready)}
    return Sample(at_s, pods, {"a": "web:v1", "b": "web:v2"})


@pytest.mark.parametrize(
    ("at_s", "new", "kept"),
    [
        pytest.param(2.0, 2, True, id="at the first step's target"),
        pytest.param(2.0, 3, False, id="one above it"),
        pytest.param(6.0, 4, True, id="the second step is approved by then"),
        pytest.param(0.5, 1, False, id="a new pod before any step"),
    ],
)
def test_new_pods_are_held_against_the_steps_approved_by_then(at_s: float, new: int, kept: bool) -> None:
    promise = promises.never_above_target([_sample(at_s, old=10, new=new)], _history(), "web:v2", 10)
    assert promise.kept is kept


def test_one_moment_below_the_least_availability_breaks_the_promise() -> None:
    good, bad = _sample(1.0, old=8, new=0), _sample(2.0, old=6, new=2, ready=1)
    assert promises.always_available([good], 8).kept
    assert not promises.always_available([good, bad], 8).kept
    assert not promises.always_available([], 8).kept


def test_a_lost_request_breaks_the_promise_and_a_versions_own_error_does_not() -> None:
    answered = {"v3": VersionCount(ok=9, errors=1)}
    assert promises.nothing_lost(Counts(finished=10, versions=answered)).kept
    assert not promises.nothing_lost(Counts(finished=11, versions=answered, lost={"reset": 1})).kept


def test_a_run_without_any_request_proves_nothing() -> None:
    assert not promises.nothing_lost(Counts()).kept


@pytest.mark.parametrize(("at_s", "kept"), [(9.9, True), (10.2, True), (10.4, False)])
def test_answers_of_the_bad_version_after_its_weight_is_gone_break_the_promise(at_s: float, kept: bool) -> None:
    window = Window(at_s=at_s, elapsed_s=at_s, versions={"v3": VersionCount(ok=1)})
    assert promises.silent_after([window], "v3", 10.0).kept is kept


def test_whole_means_one_version_with_all_pods_ready() -> None:
    assert promises.whole(_sample(1.0, old=0, new=10), "web:v2", 10).kept
    assert not promises.whole(_sample(1.0, old=1, new=10), "web:v2", 10).kept
    assert not promises.whole(_sample(1.0, old=0, new=10, ready=9), "web:v2", 10).kept
    assert not promises.whole(None, "web:v2", 10).kept


@pytest.mark.parametrize(
    ("target", "replicas", "pods"),
    [(Target(percent=20), 7, 2), (Target(percent=100), 3, 3), (Target(count=5), 3, 3), (Target(count=2), 3, 2)],
)
def test_percentages_round_up_and_counts_are_capped(target: Target, replicas: int, pods: int) -> None:
    assert promises.pods_of(target, replicas) == pods
