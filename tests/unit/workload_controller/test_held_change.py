"""What becomes of a guarded workload's template: taken up, gone back from, held late, or only noted."""

from typing import Any

import pytest
from msgspec.structs import replace

from tidegate_chassis.kubernetes.objects import ObjectMeta, OwnerReference
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.budget_hold import BudgetHold
from tidegate_workload_controller.held_change import Ask, GoBack, Nothing, Write, decide, leave
from tidegate_workload_controller.releases import Standing, release_part, template_part
from tidegate_workload_controller.saved import Saved, encode
from tidegate_workload_controller.seen import (
    Condition,
    Pod,
    PodStatus,
    Revision,
    View,
    Workload,
    WorkloadSpec,
    WorkloadStatus,
)

OLD, NEW = "o" * 64, "n" * 64
REQUEST = RolloutRequested(workload=WorkloadReference(name="web"), steps=(Step(replicas="50%"),))
GUARD = GuardSet(request=REQUEST, by="somebody")
HELD = {marks.HELD: "0a1b2c3d4e5f", marks.SAVED_STRATEGY: encode(Saved(min_ready_seconds=5))}
ROLLING = {**HELD, marks.ROLLOUT: "r-1", marks.STABLE_REVISION: "old"}


def view(
    digest: str = OLD, *, label: str | None = OLD, annotations: dict[str, str] | None = None, updated: int = 3
) -> View:
    labels = {} if label is None else {marks.GUARDED: template_part(label)}
    metadata = ObjectMeta(name="web", uid="u", generation=4, labels=labels, annotations=annotations or {})
    new = 3 if digest == NEW and updated == 3 else updated if digest == NEW else 0
    return View(
        workload=Workload(
            metadata=metadata,
            spec=WorkloadSpec(replicas=3),
            status=WorkloadStatus(observed_generation=4, replicas=3, updated_replicas=updated, available_replicas=3),
        ),
        revisions=(Revision("old", "web-old", "1", told=3 - new), Revision("new", "web-new", "2", told=new)),
        pods=tuple(pod("new" if number < new else "old", number) for number in range(3)),
        template_digest=digest,
        digests={"old": OLD, "new": NEW},
        live=True,
        hold=BudgetHold(),
        changed_by="kubectl-set",
    )


def pod(revision: str, number: int) -> Pod:
    ready = Condition(type="Ready", status="True", last_transition_time="2026-01-01T00:00:00Z")
    metadata = ObjectMeta(
        name=f"web-{number}",
        uid=f"p{number}",
        labels={"pod-template-hash": revision},
        owner_references=(OwnerReference(uid="1", controller=True),),
    )
    return Pod(metadata=metadata, status=PodStatus(phase="Running", conditions=(ready,)))


def test_a_template_that_stands_rightly_needs_nothing() -> None:
    assert decide(view(), GUARD) == Nothing()


def test_a_guard_takes_the_template_as_it_finds_it() -> None:
    step = decide(view(NEW, label=None, updated=1), GUARD)
    assert isinstance(step, Write)
    assert step.body == {"metadata": {"annotations": {}, "labels": {marks.GUARDED: template_part(NEW)}}, "spec": {}}


def test_a_held_change_is_asked_to_be_rolled_out_as_the_guard_says() -> None:
    step = decide(view(NEW, annotations=HELD, updated=0), GUARD)
    assert isinstance(step, Ask)
    asked = step.request
    assert asked.rollout is not None
    assert asked.rollout.startswith("g-0a1b2c3d4e5f-")
    assert (asked.change, asked.steps, asked.requested_by) == (None, REQUEST.steps, "somebody")
    assert asked.reason == "the template was changed by kubectl-set"
    assert decide(view(NEW, annotations=HELD, updated=0), GUARD) == step


def test_a_guard_that_was_mended_asks_anew() -> None:
    mended = replace(GUARD, request=replace(REQUEST, steps=(Step(replicas="10%"),)))
    first, second = (decide(view(NEW, annotations=HELD, updated=0), each) for each in (GUARD, mended))
    assert isinstance(first, Ask)
    assert isinstance(second, Ask)
    assert first.request.rollout != second.request.rollout


def test_another_change_under_a_rollout_is_asked_for_too() -> None:
    assert isinstance(decide(view(NEW, annotations={**ROLLING, marks.STABLE_REVISION: "old"}), GUARD), Ask)


def test_the_stable_template_under_a_rollout_is_its_way_back() -> None:
    step = decide(view(OLD, label=NEW, annotations=ROLLING), GUARD)
    assert isinstance(step, GoBack)
    assert (step.rollout, step.attempt) == ("r-1", "0a1b2c3d4e5f")


@pytest.mark.parametrize(("updated", "holds"), [(0, True), (1, True), (2, True), (3, False)])
def test_what_slipped_past_is_held_unless_it_is_over(updated: int, holds: bool) -> None:
    step = decide(view(NEW, updated=updated), GUARD)
    assert isinstance(step, Write)
    assert (marks.HELD in step.body["metadata"]["annotations"]) is holds
    assert step.body["spec"] == ({"paused": True} if holds else {})


def test_what_is_held_late_says_how_far_it_had_come() -> None:
    late = decide(view(NEW, updated=1), GUARD)
    assert isinstance(late, Write)
    attempt = late.body["metadata"]["annotations"][marks.HELD]
    step = decide(view(NEW, annotations={**HELD, marks.HELD: attempt}, updated=1), GUARD)
    assert isinstance(step, Ask)
    assert "held late, with 1 of 3 pods new already" in step.request.reason


def test_what_slipped_past_under_a_rollout_is_held_however_far_it_is() -> None:
    under = {**ROLLING}
    del under[marks.HELD]
    step = decide(view(NEW, label=OLD, annotations=under, updated=3), GUARD)
    assert isinstance(step, Write)
    assert marks.HELD in step.body["metadata"]["annotations"]


def test_how_a_rollout_holds_it_already_stays_told() -> None:
    step = decide(view(NEW, label=OLD, annotations={marks.ROLLOUT: "r-1", marks.STYLE: "canary"}), GUARD)
    assert isinstance(step, Write)
    assert step.body["metadata"]["annotations"][marks.STYLE] == "canary"


RELEASE = "rollouts.kruise.io/rollout-id"
NAMED = replace(GUARD, release_annotation=RELEASE)
ONE, TWO = ({RELEASE: name} for name in ("one", "two"))


def labelled(digest: str, release: dict[str, str] | None = None) -> str:
    metadata = ObjectMeta(annotations=release or {})
    return Standing(template_part(digest), release_part(metadata, NAMED)).value


def under(seen: View, value: str) -> View:
    """With another label."""
    metadata = replace(seen.workload.metadata, labels={marks.GUARDED: value})
    return replace(seen, workload=replace(seen.workload, metadata=metadata))


def test_a_guard_that_names_releases_notes_the_one_that_it_finds() -> None:
    step = decide(view(NEW, label=None, annotations=ONE), NAMED)
    assert isinstance(step, Write)
    assert step.body["metadata"]["labels"] == {marks.GUARDED: labelled(NEW, ONE)}


def test_another_template_of_the_same_release_is_noted_and_not_held() -> None:
    step = decide(under(view(NEW, annotations=ONE, updated=1), labelled(OLD, ONE)), NAMED)
    assert isinstance(step, Write)
    assert (step.body["spec"], step.body["metadata"]["labels"]) == ({}, {marks.GUARDED: labelled(NEW, ONE)})


def test_another_name_alone_is_no_release_and_the_template_that_follows_is_held() -> None:
    assert decide(under(view(OLD, annotations=TWO), labelled(OLD, ONE)), NAMED) == Nothing()
    step = decide(under(view(NEW, annotations=TWO, updated=1), labelled(OLD, ONE)), NAMED)
    assert isinstance(step, Write)
    assert marks.HELD in step.body["metadata"]["annotations"]


def test_a_release_is_named_while_it_is_rolled_out_and_no_more_once_it_goes_back() -> None:
    marked = {marks.ROLLOUT: "r-1", marks.STABLE_REVISION: "old", **TWO}
    step = decide(under(view(NEW, annotations=marked), labelled(NEW)), NAMED)
    assert isinstance(step, Write)
    assert step.body["metadata"]["labels"] == {marks.GUARDED: labelled(NEW, TWO)}
    assert decide(under(view(OLD, annotations=marked), labelled(OLD)), NAMED) == Nothing()
    assert decide(under(view(OLD, annotations=TWO), labelled(OLD)), NAMED) == Nothing()


def test_what_failed_and_comes_again_under_the_same_name_is_held() -> None:
    step = decide(under(view(NEW, annotations=TWO, updated=1), labelled(OLD)), NAMED)
    assert isinstance(step, Write)
    assert marks.HELD in step.body["metadata"]["annotations"]


LABEL_OFF = {marks.GUARDED: None}


@pytest.mark.parametrize(
    ("annotations", "spec"),
    [({}, {}), (ROLLING, {}), (HELD, {"minReadySeconds": 5, "paused": None})],
    ids=["at rest", "under a rollout, which goes on", "held, and not taken up"],
)
def test_a_guard_that_was_removed_leaves_nothing_of_its_own(annotations: dict[str, str], spec: dict[str, Any]) -> None:
    step = leave(view(annotations=annotations))
    assert isinstance(step, Write)
    assert LABEL_OFF.items() <= step.body["metadata"]["labels"].items()
    assert spec.items() <= step.body["spec"].items()
    assert bool(step.body["spec"]) is bool(spec)


def test_where_nothing_is_left_nothing_is_written() -> None:
    assert leave(view(label=None)) == Nothing()


def test_new_pods_get_the_releases_name_where_the_workload_has_it() -> None:
    asked = replace(REQUEST, pod_labels={"example.com/batch": "{{batch}}"})
    guard = replace(GUARD, request=asked, release_label="example.com/release")
    seen = view(NEW, annotations=HELD, updated=0)
    named = replace(seen.workload.metadata, labels={**seen.workload.metadata.labels, "example.com/release": "r7"})
    for metadata, more in ((seen.workload.metadata, {}), (named, {"example.com/release": "r7"})):
        step = decide(replace(seen, workload=replace(seen.workload, metadata=metadata)), guard)
        assert isinstance(step, Ask)
        assert step.request.pod_labels == {"example.com/batch": "{{batch}}"} | more
