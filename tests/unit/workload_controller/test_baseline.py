"""The fresh baseline: when it is made, scaled and removed, and that it is never taken for the workload's own."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.held_world import REFERENCE
from support.native_deployment import NativeDeployment, Written

from tidegate_chassis.kubernetes.objects import ObjectMeta, OwnerReference
from tidegate_contracts.facts import BatchStalled, WorkloadReleased
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload, Target
from tidegate_workload_controller import around, baseline, marks
from tidegate_workload_controller.actions import Decision, MakeBaseline, RemoveBaseline, Report, ScaleBaseline
from tidegate_workload_controller.release import ReleaseMemory
from tidegate_workload_controller.saved import Saved, encode
from tidegate_workload_controller.seen import ReplicaSet, ReplicaSetSpec, ReplicaSetStatus, Sight

NOW_S = 1000.0


def order(percent: int = 20, **changes: Any) -> ApplyBatch:
    given: dict[str, Any] = {
        "rollout": "r1",
        "revision": 7,
        "workload": REFERENCE,
        "change": None,
        "target": Target(percent=percent),
        "template_digest": "v2",
        "stable_revision": "v1",
        "baseline": True,
    } | changes
    return ApplyBatch(**given)


def sight(
    seen: ReplicaSet | None = None, *, rollout: str | None = "r1", live: bool = True, replicas: int = 10
) -> Sight:
    written = Written(NativeDeployment(replicas))
    if rollout is not None:
        written.annotations = {
            marks.ROLLOUT: rollout,
            marks.SAVED_STRATEGY: encode(Saved(nothing=True)),
            marks.STABLE_REVISION: "v1",
        }
        written.labels = {marks.ORDER_REVISION: "5"}
    return Sight(replace(written.view(), live=live), None, seen, live=live)


def made(pods: int = 2, *, rollout: str = "r1", stable: str = "v1", **metadata: Any) -> ReplicaSet:
    fields: dict[str, Any] = {
        "name": "web-baseline",
        "uid": "b",
        "labels": {marks.BASELINE: "web", marks.POD_TEMPLATE_HASH: stable},
        "annotations": {marks.HELD_FOR: rollout},
        "owner_references": (OwnerReference(uid=sight().own.workload.metadata.uid),),  # type: ignore[union-attr]
    } | metadata
    return ReplicaSet(
        metadata=ObjectMeta(**fields), spec=ReplicaSetSpec(replicas=pods), status=ReplicaSetStatus(replicas=pods)
    )


GOING = {"deletion_timestamp": "2026-11-28T00:00:00Z"}
FOREIGN = {"owner_references": ()}


@pytest.mark.parametrize(
    ("given", "seen", "action"),
    [
        (order(), None, MakeBaseline(order(), 2)),
        (order(25), None, MakeBaseline(order(25), 3)),
        (order(99), None, MakeBaseline(order(99), 9)),
        (order(99, style="canary"), None, MakeBaseline(order(99, style="canary"), 10)),
        (order(baseline=False), None, None),
        (order(stable_revision="v0"), None, None),
        (order(), made(), None),
        (order(40), made(), ScaleBaseline(4)),
        (order(), made(5), ScaleBaseline(2)),
        (order(baseline=False), made(), RemoveBaseline()),
        (order(), made(rollout="r0"), RemoveBaseline()),
        (order(), made(stable="v0"), RemoveBaseline()),
        (order(), made(**GOING), None),
        (order(baseline=False), made(**GOING), None),
        # Somebody else's of that name is left alone, and nothing waits for it.
        (order(), made(**FOREIGN), None),
        (order(baseline=False), made(**FOREIGN), None),
        (order(revision=4), None, None),
        (order(revision=4), made(9), None),
    ],
)
def test_a_baseline_is_made_scaled_and_removed(given: ApplyBatch, seen: ReplicaSet | None, action: Any) -> None:
    assert baseline.moves(given, sight(seen)) == (() if action is None else (action,))


def test_there_is_none_before_the_workload_is_marked_nor_without_its_pods() -> None:
    """By its marks a workload is found that has to be given back without an order."""
    assert baseline.moves(order(), sight(rollout=None)) == ()
    assert baseline.moves(order(), sight(rollout="r0")) == ()
    assert baseline.moves(order(), sight(replicas=0)) == ()
    assert baseline.moves(order(), sight(made(), replicas=0)) == (RemoveBaseline(),)
    assert baseline.moves(order(), Sight(None, None, made())) == ()


def test_it_is_decided_from_a_live_look_only_and_after_the_batch() -> None:
    batch = Decision(None, (Report(released()),), until_s=5.0)
    assert baseline.with_baseline(order(), sight(live=False), batch) == Decision(None, look_live=True)
    decision = baseline.with_baseline(order(), sight(), batch)
    assert decision.actions == (*batch.actions, MakeBaseline(order(), 2))
    assert decision.until_s == 5.0
    for other in (Decision(None, look_live=True), Decision(None, done=True)):
        assert baseline.with_baseline(order(), sight(), other) == other
    assert baseline.with_baseline(order(), sight(made(), live=False), batch) == batch


def released() -> WorkloadReleased:
    return WorkloadReleased(rollout="r1", order_revision=7, at_s=NOW_S, mode="restore")


def release(mode: str = "restore") -> ReleaseWorkload:
    return ReleaseWorkload(rollout="r1", revision=7, workload=REFERENCE, mode=mode)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["promote", "restore", "let_go"])
def test_at_the_end_it_goes_before_the_marks_do(mode: str) -> None:
    assert around.before(release(mode), sight(made())) == (RemoveBaseline(),)
    assert around.before(release(mode), sight(made(**GOING))) == ()
    assert around.before(release(mode), sight(made(**FOREIGN))) == ()


def test_nothing_is_released_while_its_pods_are_in_use() -> None:
    said = Decision(ReleaseMemory(), (Report(released()),), done=True)
    unseen = replace(made(**GOING, generation=2), status=ReplicaSetStatus(replicas=0, observed_generation=1))
    for seen in (made(), made(**GOING), unseen):
        waiting = around.after(release("restore"), sight(seen), said, NOW_S)
        assert not waiting.done
        assert not any(isinstance(action, Report) for action in waiting.actions)
    gone = replace(made(**GOING), status=ReplicaSetStatus(replicas=0))
    for left in (None, gone, made(**FOREIGN)):
        assert around.after(release("restore"), sight(left), said, NOW_S) == said


def test_pods_that_do_not_go_are_told_at_the_deadline() -> None:
    given, said = release("restore"), Decision(ReleaseMemory(), (Report(released()),), done=True)
    waiting = around.after(given, sight(made(**GOING)), said, NOW_S)
    assert (waiting.actions, waiting.until_s) == ((), NOW_S + given.progress_deadline_s)
    late = replace(said, memory=waiting.memory)
    told = around.after(given, sight(made(**GOING)), late, NOW_S + given.progress_deadline_s)
    (report,) = told.actions
    assert isinstance(report, Report)
    assert isinstance(report.fact, BatchStalled)
    assert around.GOING in report.fact.reason
    assert not around.after(given, sight(made(**GOING)), replace(said, memory=told.memory), 2 * NOW_S).actions


def test_a_promotion_takes_it_away() -> None:
    promotion = PromoteWorkload(
        rollout="r1",
        revision=7,
        workload=REFERENCE,
        style="canary",
        change=None,
        template_digest="v2",
        stable_revision="v1",
        canary_revision="v2",
    )
    assert baseline.moves(promotion, sight(made())) == (RemoveBaseline(),)


def test_its_pods_are_the_stable_services_and_itself_nobody_elses() -> None:
    own = sight().own
    assert own is not None
    template = {
        "metadata": {"labels": {"app": "web", marks.POD_TEMPLATE_HASH: "v1"}, "annotations": {"a": "b"}},
        "spec": {"containers": [{"name": "app"}]},
    }
    whole = baseline.manifest(order(), own.workload, template, 3)
    pods = whole["spec"]["template"]["metadata"]
    assert pods["labels"] == {"app": "web", marks.POD_TEMPLATE_HASH: "v1", marks.BASELINE: "web"}
    assert pods["annotations"] == {"a": "b"}
    assert whole["spec"]["selector"]["matchLabels"] == pods["labels"]
    assert whole["spec"]["template"]["spec"] == template["spec"]
    assert "app" not in whole["metadata"]["labels"]
    assert [each["controller"] for each in whole["metadata"]["ownerReferences"]] == [False]
    read = msgspec.convert({**whole, "metadata": {**whole["metadata"], "uid": "b"}}, ReplicaSet, strict=False)
    assert baseline.moves(order(), sight(replace(read, spec=ReplicaSetSpec(replicas=2)))) == ()
