"""Kruise's rules for Rollouts, each with what it lets pass and what it refuses."""

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.kruise_rollouts import rollout
from support.rollout_rules import BAD, BAD_BEFORE, CHANGES, GOOD, GOOD_BEFORE, ROUTING, RULES, STEPS, former, of, spec

from tidegate_chassis.admission import ALLOWED, AdmissionRequest, GroupVersionKind, Verdict
from tidegate_rollout_operator import reviews
from tidegate_rollout_operator.conversion import STORED, converted
from tidegate_rollout_operator.kruise import ROLLING_STYLE, Rollout
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.validation import problems_of, problems_of_update


@pytest.mark.parametrize("given", GOOD.values(), ids=GOOD)
def test_what_kruise_accepts_is_accepted(given: dict[str, Any]) -> None:
    assert problems_of(given) == ()


@pytest.mark.parametrize(("given", "field"), BAD.values(), ids=BAD)
def test_a_fault_is_told_with_its_field(given: dict[str, Any], field: str) -> None:
    assert [each.field for each in problems_of(given)] == [field]


def test_every_case_is_of_a_rule_and_every_rule_has_some_of_both() -> None:
    assert all(passes and refuses for passes, refuses in RULES.values())
    assert {name for passes, _ in RULES.values() for name in passes} == set(GOOD)
    assert sorted(name for _, refuses in RULES.values() for name in refuses) == sorted(BAD)


def test_all_faults_are_told_at_once() -> None:
    given = spec({"replicas": "0%", "traffic": "200%"}, {"traffic": "5%"}, workload=of("Job", "batch/v1"))
    assert len(problems_of(given)) == 4


@pytest.mark.parametrize(("new", "field"), CHANGES.values(), ids=CHANGES)
def test_what_a_release_stands_on_is_fixed_while_it_is_under_way(new: dict[str, Any], field: str) -> None:
    assert [each.field for each in problems_of_update(STEPS, new, "Progressing")] == [field]
    assert [each.field for each in problems_of_update(STEPS, new, "Terminating")] == [field]
    free = problems_of_update(STEPS, new, "Progressing", free_steps=True)
    assert [each.field for each in free] == ([] if field.endswith(".steps") else [field])
    assert problems_of_update(STEPS, new, "Healthy") == ()


def test_the_contents_of_steps_may_change_at_any_time() -> None:
    assert problems_of_update(STEPS, spec({"replicas": "30%"}, {"replicas": "60%"}), "Progressing") == ()


def written(
    new: dict[str, Any] | None,
    old: dict[str, Any] | None = None,
    *,
    phase: str = "Healthy",
    style: str = "",
    **more: Any,
) -> AdmissionRequest:
    """`style` is the annotation that the new one has."""

    def raw(spec: dict[str, Any] | None, annotations: dict[str, str]) -> msgspec.Raw:
        body = {"metadata": {"annotations": annotations}, "spec": spec, "status": {"phase": phase}}
        return msgspec.Raw(json.dumps(body if spec is not None else None).encode())

    given: dict[str, Any] = {
        "uid": "1",
        "kind": GroupVersionKind("rollouts.kruise.io", "v1beta1", "Rollout"),
        "operation": "CREATE" if old is None else "UPDATE",
        "name": "web",
        "namespace": "shop",
        "object": raw(new, {ROLLING_STYLE: style} if style else {}),
        "old_object": raw(old, {}),
    }
    return AdmissionRequest(**(given | more))


def judged(request: AdmissionRequest, *others: Rollout) -> Verdict:
    return reviews.judge(request, lambda _: others)


def test_a_faulty_rollout_is_refused_with_every_fault() -> None:
    verdict = judged(written(spec({"replicas": 0}, {"replicas": "101%"})))
    assert [each["field"] for each in verdict.causes] == [
        "spec.strategy.canary.steps[0].replicas",
        "spec.strategy.canary.steps[1].replicas",
    ]
    assert "breaks the rule" in verdict.refusal


def test_a_second_rollout_for_a_workload_is_refused_whatever_version_it_names() -> None:
    another = rollout(name="other")
    assert (
        judged(written(spec(workload=of("Deployment", "apps/v1beta2"))), another).causes[0]["field"]
        == "spec.workloadRef"
    )
    assert judged(written(spec(workload=of("StatefulSet"))), another) is ALLOWED
    assert judged(written(spec()), rollout(name="web")) is ALLOWED


def test_a_rollout_that_is_being_deleted_has_its_workload_until_it_is_gone() -> None:
    leaving = rollout(name="other", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    known: Any = SimpleNamespace(store=SimpleNamespace(all=lambda: [leaving]))
    verdict = reviews.judge(written(spec()), Rollouts(known, "default").within)
    assert "wait until it is gone" in verdict.refusal


BROKEN = spec({"replicas": 0})


def test_a_spec_that_stays_as_it_is_keeps_nobody_from_labels_and_finalizers() -> None:
    assert judged(written(BROKEN, BROKEN)) is ALLOWED
    assert judged(written(BROKEN, sub_resource="status")) is ALLOWED
    assert judged(written(None, BROKEN, operation="DELETE")) is ALLOWED


def test_an_update_under_way_is_judged_by_the_status_that_stands() -> None:
    fewer = spec({"replicas": "100%"})
    for phase in ("Progressing", "Terminating"):
        assert judged(written(fewer, STEPS, phase=phase)).causes
    for phase in ("", "Initial", "Healthy", "Disabling", "Disabled"):
        assert judged(written(fewer, STEPS, phase=phase)) is ALLOWED


FORMER = {"request_kind": GroupVersionKind("rollouts.kruise.io", "v1alpha1", "Rollout")}


def written_before(given: dict[str, Any]) -> AdmissionRequest:
    """As the API server asks of what was written in v1alpha1."""
    body = msgspec.Raw(json.dumps(converted(given, STORED)).encode())
    return written({}, object=body, **FORMER)


@pytest.mark.parametrize(("given", "field"), BAD_BEFORE.values(), ids=BAD_BEFORE)
def test_what_kruise_refuses_in_v1alpha1_is_refused(given: dict[str, Any], field: str) -> None:
    assert [each["field"] for each in judged(written_before(given)).causes] == [field]


@pytest.mark.parametrize("given", GOOD_BEFORE.values(), ids=GOOD_BEFORE)
def test_what_kruise_accepts_in_v1alpha1_is_accepted(given: dict[str, Any]) -> None:
    assert not judged(written_before(given)).refusal


def test_a_weight_that_no_traffic_can_have_is_a_warning() -> None:
    beyond = GOOD_BEFORE["a weight beyond everything beside a count, which Kruise lets pass"]
    (warning,) = judged(written_before(beyond)).warnings
    assert "spec.strategy.canary.steps[0].weight: '150' breaks the rule" in warning


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (former({"weight": 101}), "steps[0].weight: '101' breaks the rule: 1 to 100. Write 20."),
        (former({"replicas": 0, "weight": 5}), "steps[0].replicas: '0' breaks the rule: a count above 0"),
        (former({}), "steps[0].replicas: 'none' breaks the rule: given in every step without a weight."),
        (
            former({"weight": 51}, style="partition"),
            "at most 50 in a step with traffic, without an extra workload. Give the step replicas of its own, or use",
        ),
        (
            former({"replicas": "51%", "weight": 5}, style="partition"),
            "at most 50% in a step with traffic, without an extra workload. Leave weight and matches out of this step",
        ),
        (former({"weight": 20}, {"weight": 10}), "steps[1].weight: '10' breaks the rule: at least the 20 of the step"),
        (former({"weight": 5}, workload=of("Job", "batch/v1")), "spec.objectRef.workloadRef: 'batch Job' breaks the"),
        (former({"weight": 5}, workload={"kind": "Deployment"}), "spec.objectRef.workloadRef.name: 'none' breaks the"),
    ],
)
def test_who_writes_v1alpha1_reads_of_the_fields_that_they_wrote(given: dict[str, Any], told: str) -> None:
    assert told in judged(written_before(given)).refusal


def test_who_writes_v1alpha1_is_told_of_another_rollout_and_of_a_fixed_style_in_its_words() -> None:
    another = judged(written_before(former({"weight": 5})), rollout(name="other"))
    assert another.causes[0]["field"] == "spec.objectRef.workloadRef"
    body = msgspec.Raw(json.dumps(converted(former({"replicas": "20%"}), STORED)).encode())
    fixed = judged(written({}, spec({"replicas": "20%"}), phase="Progressing", object=body, **FORMER))
    assert [each["field"] for each in fixed.causes] == [f"metadata.annotations[{ROLLING_STYLE}]"]
    missing = {"workloadRef": of("Deployment"), "strategy": {}}
    assert judged(written(missing, **FORMER)).causes[0]["field"] == "spec.strategy.canary"


def test_the_style_of_v1alpha1_is_one_that_there_is() -> None:
    for style in ("", "canary", "Partition"):
        assert judged(written(spec(), style=style, **FORMER)) is ALLOWED
    refused = judged(written(spec(), spec(), style="rainbow", **FORMER))
    assert [each["field"] for each in refused.causes] == ["metadata.annotations[rollouts.kruise.io/rolling-style]"]
    assert judged(written(spec(), spec(), style="rainbow")) is ALLOWED, "an annotation that v1beta1 doesn't read"


HEADER = {"name": "user", "value": "ann"}
BY_INGRESS = [{"service": "web", "ingress": {"name": "web"}}]


def test_what_is_accepted_and_not_carried_is_a_warning() -> None:
    back = ({"replicas": 1, "traffic": "100%"}, {"replicas": 2, "traffic": "20%"})
    verdict = judged(written(spec(*back, trafficRoutings=[ROUTING])))
    assert not verdict.refusal
    (warning,) = verdict.warnings
    assert warning.startswith("not carried")
    assert "spec.strategy.canary.steps[1].traffic" in warning


def test_a_route_through_nothing_is_accepted_as_kruise_accepts_it_and_is_a_warning() -> None:
    verdict = judged(written(GOOD["an empty list of objects, which Kruise lets pass"]))
    assert not verdict.refusal
    (warning,) = verdict.warnings
    assert "not carried" in warning
    assert "spec.strategy.canary.trafficRoutings[0].gateway" in warning


def test_what_counts_for_nothing_is_a_warning() -> None:
    crowded = {"replicas": 1, "matches": [{"headers": [HEADER, HEADER | {"name": "x"}]}]}
    verdict = judged(written(spec(crowded, trafficRoutings=BY_INGRESS)))
    assert not verdict.refusal
    (warning,) = verdict.warnings
    assert warning.startswith("spec.strategy.canary.steps[0].matches[0].headers[1] counts for nothing")


def test_what_cannot_be_read_is_a_warning() -> None:
    verdict = judged(written(spec({"replicas": "20%", "pause": {"duration": "soon"}})))
    assert not verdict.refusal
    assert "can't be read" in verdict.warnings[0]
