"""Labels that a request or a guard has new pods get: any tool's own, and none that takes them from their workload."""

import pytest

from tidegate_contracts.guards import GuardSet
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.validate import validate, validate_guard
from tidegate_contracts.workload import WorkloadReference

NAMESPACE = "shop"
REQUEST = {"workload": WorkloadReference(name="web"), "steps": (Step(replicas="20%"),)}


@pytest.mark.parametrize(
    ("labels", "fields"),
    [
        ({"example.com/batch": "{{batch}}"}, []),
        ({"rollouts.kruise.io/rollout-batch-id": "{{batch}}", "example.com/a": ""}, []),
        ({"app": "web"}, ["pod_labels.app"]),
        ({"app.kubernetes.io/name": "web"}, ["pod_labels.app.kubernetes.io/name"]),
        ({"k8s.io/name": "web"}, ["pod_labels.k8s.io/name"]),
        ({"tidegate.io/batch": "1"}, ["pod_labels.tidegate.io/batch"]),
        ({"example.com/a": "{{step}}"}, ["pod_labels.example.com/a"]),
        ({f"example.com/a{number}": "b" for number in range(33)}, ["pod_labels"]),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_label_that_a_selector_may_look_at_is_refused(labels: dict[str, str], fields: list[str]) -> None:
    asked = RolloutRequested(**REQUEST, pod_labels=labels)  # type: ignore[arg-type]
    assert [problem.field for problem in validate(asked, NAMESPACE)] == fields


@pytest.mark.parametrize(
    ("name", "fine"), [("", True), ("example.com/release", True), ("app", False), ("a b/c", False)]
)
def test_a_guard_names_releases_by_such_a_label_too(name: str, fine: bool) -> None:
    guard = GuardSet(request=RolloutRequested(**REQUEST), release_label=name)  # type: ignore[arg-type]
    assert [each.field for each in validate_guard(guard, NAMESPACE)] == ([] if fine else ["release_label"])
