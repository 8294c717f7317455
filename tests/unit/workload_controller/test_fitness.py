"""What can't be held is refused with the field, the value, the rule and the remedy."""

from typing import Any

import pytest

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.kruises_hold import ANNOTATIONS
from tidegate_contracts.orders import PrepareWorkload
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller.fitness import unfit
from tidegate_workload_controller.marks import REVISION_HASH, SAVED_STRATEGY
from tidegate_workload_controller.partition_hold import PartitionHold
from tidegate_workload_controller.partitions import Ordered
from tidegate_workload_controller.seen import LabelSelector, Pod, View, Workload, WorkloadSpec

ORDER = PrepareWorkload(
    rollout="r1", revision=1, workload=WorkloadReference(name="ledger", kind="StatefulSet", api_version="apps/v1")
)
TEMPLATE: dict[str, Any] = {"spec": {"containers": [{"name": "app", "image": "web:v1"}]}}
SELECTOR = LabelSelector(match_labels={"app": "ledger"})
HELD_AT_2 = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}


def view(*revisions: str, annotations: dict[str, str] | None = None, **spec: Any) -> View:
    spec = {"replicas": len(revisions), "selector": SELECTOR, **spec}
    metadata = [ObjectMeta(name=f"ledger-{at}", labels={REVISION_HASH: of}) for at, of in enumerate(revisions)]
    return View(
        workload=Workload(metadata=ObjectMeta(annotations=annotations or {}), spec=WorkloadSpec(**spec)),
        revisions=(),
        pods=tuple(Pod(metadata=each) for each in metadata),
        template_digest="",
        digests={},
        live=True,
        hold=PartitionHold(Ordered(), nested=True),
        revision_label=REVISION_HASH,
    )


@pytest.mark.parametrize(
    ("seen", "template", "field"),
    [
        (view("v1", selector=LabelSelector()), TEMPLATE, "workload.spec.selector"),
        (view("v1"), {}, "workload.spec.template"),
        (view("v1", replicas=None), TEMPLATE, "workload.spec.replicas"),
        (view("v1", "v1", "v2", update_strategy=HELD_AT_2), TEMPLATE, "workload.spec.updateStrategy"),
    ],
    ids=["no selector", "no containers", "no replicas", "somebody else's partition"],
)
def test_what_is_missing_or_somebody_elses_is_named(seen: View, template: dict[str, Any], field: str) -> None:
    problem = unfit(ORDER, seen, template)
    assert problem is not None
    assert problem.field == field
    assert problem.value
    assert problem.rule
    assert problem.remedy


@pytest.mark.parametrize(
    "seen",
    [
        view("v1", "v1"),
        view("v1", "v1", update_strategy=HELD_AT_2),
        view("v1", "v2"),
        view("v1", "v2", update_strategy=HELD_AT_2, annotations={SAVED_STRATEGY: "{}"}),
    ],
    ids=["whole", "its user's own partition", "its own update under way", "held by us"],
)
def test_what_can_be_held_is_not_refused(seen: View) -> None:
    assert unfit(ORDER, seen, TEMPLATE) is None


@pytest.mark.parametrize("mark", ANNOTATIONS)
def test_what_kruise_holds_is_left_to_it(mark: str) -> None:
    ours_too = {mark: "{}", SAVED_STRATEGY: "{}"}
    for seen in (view("v1", annotations={mark: "true"}), view("v1", annotations=ours_too)):
        problem = unfit(ORDER, seen, TEMPLATE)
        assert problem is not None
        assert mark in problem.field
        assert "migrate-from-kruise" in problem.remedy


def test_what_kruise_leaves_behind_for_good_is_no_hold() -> None:
    """Its label of the workload's kind, and the stable revision, are never taken off."""
    left = view("v1", annotations={"rollouts.kruise.io/rollout-id": "7"})
    assert unfit(ORDER, left, TEMPLATE) is None
