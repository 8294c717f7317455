"""What is added to a write of a guarded workload: the hold where the template changes, and nothing anywhere else."""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from tidegate_chassis.admission import ALLOWED, AdmissionRequest, GroupVersionKind, Options, Verdict, reviewed
from tidegate_chassis.kubernetes.objects import ObjectMeta, decode
from tidegate_contracts.guards import GuardSet
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.admission import judge
from tidegate_workload_controller.kinds import daemon_set, deployment, stateful_set
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.clone_set import CloneSets
from tidegate_workload_controller.releases import Standing, release_part
from tidegate_workload_controller.saved import Saved, encode, saved_on
from tidegate_workload_controller.seen import Workload

UID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
ATTEMPT = "0a1b2c3d4e5f"
PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2_147_483_647}}
KINDS: Mapping[str, tuple[Anatomy, dict[str, Any]]] = {
    "Deployment": (deployment.ANATOMY, {"paused": True}),
    "StatefulSet": (stateful_set.StatefulSets.anatomy, {"updateStrategy": PARTITION}),
    "DaemonSet": (daemon_set.DaemonSets.anatomy, {"updateStrategy": {"type": "OnDelete"}}),
    "CloneSet": (CloneSets.anatomy, {"updateStrategy": {"partition": "100%"}}),
}


def workload(kind: str = "Deployment", tag: str = "v1", **spec: Any) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": f"web:{tag}"}]},
    }
    replicas = {} if kind == "DaemonSet" else {"replicas": 10}
    return {
        "kind": kind,
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {**replicas, "template": template, **spec},
    }


def written(before: dict[str, Any], after: dict[str, Any], **more: Any) -> AdmissionRequest:
    """An update by kubectl, unless it is said otherwise."""
    given: dict[str, Any] = {
        "uid": UID,
        "kind": GroupVersionKind(KINDS[after["kind"]][0].resource.group, "v1", after["kind"]),
        "operation": "UPDATE",
        "name": "web",
        "namespace": "shop",
        "options": Options(field_manager="kubectl-set"),
        "object": msgspec.Raw(json.dumps(after).encode()),
        "old_object": msgspec.Raw(json.dumps(before).encode()),
    }
    return AdmissionRequest(**(given | more))


def judged(request: AdmissionRequest, strategy: str = "partition", release: str = "") -> Verdict:
    """By a guard of just this workload."""
    reference = WorkloadReference(name="web", kind=request.kind.kind, api_version=request.kind.api_version)
    wanted = RolloutRequested(workload=reference, steps=(Step(replicas="50%"),), strategy=strategy)
    guard = GuardSet(request=wanted, release_annotation=release)
    key = WorkloadKey.of("default", "shop", reference)
    anatomy = KINDS[request.kind.kind][0]
    return judge(request, "default", lambda asked: (guard, anatomy) if asked == key else None)


def patched(after: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """The object as the API server then stores it."""
    whole: dict[str, Any] = deepcopy(after)
    for each in verdict.patch:
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in each["path"].split("/")[1:]]
        node = whole
        for part in path:
            node = node[part]
        assert each["op"] == "add"
        node[last] = each["value"]
    return whole


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_template_is_stored_with_what_holds_it(kind: str) -> None:
    after = workload(kind, "v2")
    stored = patched(after, judged(written(workload(kind), after)))
    assert stored["spec"] == {**after["spec"], **KINDS[kind][1]}
    annotations = stored["metadata"]["annotations"]
    assert annotations[marks.HELD] == ATTEMPT
    assert annotations[marks.STYLE] == "partition"
    assert saved_on(decode(json.dumps(stored).encode(), Workload)) == KINDS[kind][0].hold("partition").save(
        decode(json.dumps(after).encode(), Workload)
    )


@pytest.mark.parametrize(
    "after",
    [
        workload(replicas=20),
        workload(paused=True),
        workload(strategy={"type": "Recreate"}),
        {**workload(), "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "shop"}}},
    ],
    ids=["scaled", "paused", "another strategy", "labelled"],
)
def test_what_leaves_the_template_alone_passes_untouched(after: dict[str, Any]) -> None:
    assert judged(written(workload(), after)) is ALLOWED


@pytest.mark.parametrize("dropped", [False, True], ids=["patched", "replaced"])
def test_what_holds_a_workload_stays_on_it_with_our_marks(dropped: bool) -> None:
    standing = {"progressDeadlineSeconds": 600, "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    held = {**standing, "minReadySeconds": 2_147_483_646}
    metadata = {
        **workload()["metadata"],
        "annotations": {marks.SAVED_STRATEGY: encode(Saved()), marks.ROLLOUT: "r1"},
        "labels": {marks.ORDER_REVISION: "7"},
    }
    before = {**workload(**held), "metadata": metadata}
    own = workload(**standing, minReadySeconds=5)
    after = {**own, "metadata": {**own["metadata"], "annotations": {}, "labels": {}} if dropped else metadata}
    verdict = judged(written(before, after))
    stored = patched(after, verdict)
    assert stored["spec"] == {**before["spec"], "paused": False}
    saved = saved_on(decode(json.dumps(stored).encode(), Workload))
    assert saved == Saved(min_ready_seconds=5)
    assert stored["metadata"]["annotations"][marks.ROLLOUT] == "r1"
    assert stored["metadata"]["labels"] == {marks.ORDER_REVISION: "7"}
    assert "minReadySeconds" in verdict.warnings[0]


@pytest.mark.parametrize(
    "more",
    [
        {"options": Options(field_manager=marks.FIELD_MANAGER)},
        {"sub_resource": "status"},
        {"operation": "CREATE"},
        {"name": "another"},
        {"namespace": "elsewhere"},
    ],
    ids=["our own", "a subresource", "made anew", "another workload", "another namespace"],
)
def test_other_writes_pass_untouched(more: dict[str, Any]) -> None:
    assert judged(written(workload(), workload(tag="v2"), **more)) is ALLOWED


def test_a_workload_without_pods_has_none_to_protect() -> None:
    assert judged(written(workload(replicas=0), workload(tag="v2", replicas=0))) is ALLOWED


def held_by_a_rollout(tag: str = "v2") -> dict[str, Any]:
    body = workload(tag=tag, minReadySeconds=2_147_483_646)
    annotations = {
        marks.ROLLOUT: "r-1",
        marks.STABLE_REVISION: "abc",
        marks.STYLE: "blue_green",
        marks.SAVED_STRATEGY: encode(Saved(min_ready_seconds=5)),
    }
    return {
        **body,
        "metadata": {**body["metadata"], "annotations": annotations, "labels": {marks.ORDER_REVISION: "7"}},
    }


@pytest.mark.parametrize("kept", [True, False], ids=["patched", "replaced whole"])
def test_under_a_rollout_the_users_own_values_stay_those_that_were_saved_first(kept: bool) -> None:
    before = held_by_a_rollout()
    after = {**held_by_a_rollout("v3")} if kept else workload(tag="v3")
    stored = patched(after, judged(written(before, after)))
    annotations = stored["metadata"]["annotations"]
    assert annotations == {**before["metadata"]["annotations"], marks.HELD: ATTEMPT}
    assert stored["metadata"]["labels"][marks.ORDER_REVISION] == "7"
    assert stored["spec"]["paused"] is True


def test_a_change_over_one_that_nobody_took_up_names_it_and_what_failed_stays_told() -> None:
    before = workload(tag="v2")
    told = {marks.HELD: "f9e8d7c6b5a4.0123456789ab", marks.FAILED: "0123.web-1"}
    before["metadata"] = {**before["metadata"], "annotations": told}
    stored = patched(after := workload(tag="v3"), judged(written(before, after)))
    annotations = stored["metadata"]["annotations"]
    assert annotations[marks.HELD] == f"{ATTEMPT}.f9e8d7c6b5a4"
    assert annotations[marks.FAILED] == "0123.web-1"


def test_a_workload_that_was_only_marked_has_its_own_values_on_it() -> None:
    """In the style canary nothing had to be saved, until the workload itself was changed."""
    before, after = workload(), workload(tag="v2", minReadySeconds=3)
    marked = {marks.ROLLOUT: "r-1", marks.SAVED_STRATEGY: encode(Saved(nothing=True)), marks.STYLE: "canary"}
    for each in (before, after):
        each["metadata"] = {**each["metadata"], "annotations": marked}
    stored = patched(after, judged(written(before, after), "canary"))
    assert saved_on(decode(json.dumps(stored).encode(), Workload)) == Saved(min_ready_seconds=3)


def test_a_review_is_answered_with_its_own_id_and_a_patch() -> None:
    asked = {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": UID,
            "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
            "operation": "UPDATE",
            "name": "web",
            "namespace": "shop",
            "object": workload(tag="v2"),
            "oldObject": workload(),
            "options": {"kind": "PatchOptions", "fieldManager": "kubectl-set"},
        },
    }
    answered = json.loads(reviewed(judged)(json.dumps(asked).encode()))["response"]
    assert (answered["uid"], answered["allowed"], answered["patchType"]) == (UID, True, "JSONPatch")
    refused = json.loads(reviewed(lambda _: Verdict(refusal="no"))(json.dumps(asked).encode()))["response"]
    assert (refused["allowed"], refused["status"]["code"], refused["status"]["message"]) == (False, 422, "no")
    with pytest.raises(ValueError, match="AdmissionReview"):
        reviewed(judged)(json.dumps({**asked, "apiVersion": "admission.k8s.io/v1beta1"}).encode())


RELEASE = "rollouts.kruise.io/rollout-id"


def released(tag: str, name: str, *, rolled_out: str = "", **annotations: str) -> dict[str, Any]:
    """With the annotation by which its author tells releases apart; `rolled_out` is the one that its label names."""
    made = workload(tag=tag)
    metadata = ObjectMeta(annotations={RELEASE: rolled_out})
    wanted = RolloutRequested(workload=WorkloadReference(name="web"), steps=())
    part = release_part(metadata, GuardSet(request=wanted, release_annotation=RELEASE))
    named = {RELEASE: name} if name else {}
    labels = {marks.GUARDED: Standing("0123456789abcdef", part).value}
    made["metadata"] |= {"annotations": named | annotations, "labels": labels}
    return made


@pytest.mark.parametrize(
    ("before", "after", "holds"),
    [
        (released("v1", "one", rolled_out="one"), released("v2", "one"), False),
        (released("v1", "one", rolled_out="one"), released("v2", "two"), True),
        (released("v1", "one", rolled_out="one"), released("v2", ""), True),
        (released("v1", "", rolled_out="one"), released("v2", "one"), True),
        (released("v1", "one"), released("v2", "one"), True),
        (released("v1", "one", rolled_out="two"), released("v2", "one"), True),
        (released("v1", "one", rolled_out="one", **{marks.ROLLOUT: "r-1"}), released("v2", "one"), True),
    ],
    ids=["the same", "another", "no more", "new", "that came to no end", "that is not noted yet", "under a rollout"],
)
def test_another_template_of_the_release_that_stands_passes(
    before: dict[str, Any], after: dict[str, Any], holds: bool
) -> None:
    assert bool(judged(written(before, after), release=RELEASE).patch) is holds
    assert judged(written(before, after)).patch, "without the annotation's name the template tells"
