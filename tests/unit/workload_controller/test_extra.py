"""The workload beside a workload, and the autoscaler that is held off: what is written, and comes back exactly."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_chassis.kubernetes.objects import ObjectMeta, OwnerReference
from tidegate_chassis.kubernetes.ownership import ManagedFields, OwnedMeta
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS
from tidegate_contracts.names import is_label_value, is_name
from tidegate_contracts.orders import PrepareWorkload
from tidegate_contracts.rollout import CanaryMetadata, Change
from tidegate_contracts.workload import WorkloadReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.autoscalers import (
    Autoscaler,
    AutoscalerSpec,
    Json,
    ScaleTarget,
    holding_off,
    letting_scale,
)
from tidegate_workload_controller.extra import (
    extra_name,
    is_ours,
    manifest,
    new_template,
    short_name,
    with_additions,
    without_additions,
)
from tidegate_workload_controller.marks import FIELD_MANAGER
from tidegate_workload_controller.seen import Workload
from tidegate_workload_controller.template import digest

ORDER = PrepareWorkload(
    rollout="r1",
    revision=7,
    workload=WorkloadReference(name="web"),
    change=Change(images={"app": "web:v2"}),
    style="canary",
)
LABELS = st.dictionaries(st.sampled_from(["app", "track", "team", "zone"]), st.sampled_from(["a", "b", ""]), max_size=4)
NAMES = st.from_regex(r"[a-z]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True).filter(is_name)


@given(NAMES)
def test_every_name_leads_to_one_that_is_allowed_wherever_it_stands(name: str) -> None:
    assert is_label_value(short_name(name))
    assert is_name(extra_name(name))
    assert len(extra_name(name)) <= 52


def test_long_names_are_told_apart() -> None:
    assert short_name("a" * 60 + "b") != short_name("a" * 60 + "c")
    assert extra_name("web") == "web-canary"


@given(LABELS, LABELS, LABELS)
def test_without_its_additions_a_template_is_what_it_was(own: Json, labels: Json, annotations: Json) -> None:
    template = {"metadata": {"labels": own} if own else {}, "spec": {"containers": []}}
    added = CanaryMetadata(labels=labels, annotations=annotations)
    extra = with_additions(template, "web", added)
    assert extra["metadata"]["labels"][marks.BESIDE] == "web"
    assert digest(without_additions(extra, template, added)) == digest(template)


def test_what_somebody_else_adds_counts() -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {}}
    extra = with_additions(template, "web", None)
    extra["metadata"]["labels"]["injected"] = "yes"
    assert digest(without_additions(extra, template, None)) != digest(template)


def test_the_extra_one_has_the_change_and_a_selector_of_its_own() -> None:
    owner = Workload(metadata=ObjectMeta(name="web", uid="web-uid"))
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "web:v1"}]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": new_template(template, ORDER), "replicas": 1}
    made = manifest(DEPLOYMENTS, owner, spec, ORDER)
    assert made["spec"]["selector"] == {"matchLabels": {"app": "web", marks.BESIDE: "web"}}
    assert made["spec"]["template"]["spec"]["containers"] == [{"name": "app", "image": "web:v2"}]
    assert made["metadata"]["annotations"] == {marks.HELD_FOR: "r1"}
    assert made["metadata"]["labels"][marks.ORDER_REVISION] == "7"
    seen = msgspec.convert(made, Workload)
    assert is_ours(seen, owner)
    assert seen.metadata.owner_references == (OwnerReference("Deployment", "web", "web-uid", controller=False),)


@pytest.mark.parametrize(
    "behavior",
    [None, {}, {"scaleDown": {"selectPolicy": "Min", "policies": [{"type": "Pods"}]}}],
    ids=["none", "empty", "its own"],
)
@pytest.mark.parametrize("annotations", [{}, {"team": "a"}], ids=["bare", "annotated"])
def test_an_autoscaler_gets_back_exactly_what_it_had(behavior: Json | None, annotations: dict[str, str]) -> None:
    own = Autoscaler(OwnedMeta(name="web", annotations=annotations), AutoscalerSpec(behavior=behavior))
    held = applied(own, holding_off(own, "r1"))
    assert held.held_off
    assert held.spec.behavior is not None
    assert held.spec.behavior["scaleDown"] == {**((behavior or {}).get("scaleDown") or {}), "selectPolicy": "Disabled"}
    assert applied(held, letting_scale(held)) == own


def test_what_its_user_writes_while_it_is_held_off_is_what_comes_back() -> None:
    own = Autoscaler(spec=AutoscalerSpec(behavior=None))
    edited = msgspec.structs.replace(
        applied(own, holding_off(own, "r1")), spec=AutoscalerSpec(behavior={"scaleUp": {"selectPolicy": "Max"}})
    )
    assert not edited.held_off
    again = applied(edited, holding_off(edited, "r1"))
    assert applied(again, letting_scale(again)).spec == edited.spec
    assert applied(edited, letting_scale(edited)).spec == edited.spec


def test_at_last_our_name_goes_too() -> None:
    fields = (ManagedFields(manager="a-user"), ManagedFields(manager=FIELD_MANAGER))
    scaler = Autoscaler(OwnedMeta(managed_fields=fields))
    assert scaler.ours
    assert letting_scale(scaler)[-1] == {"op": "remove", "path": "/metadata/managedFields/1"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (ScaleTarget("Deployment", "web", "apps/v1"), True),
        (ScaleTarget("Deployment", "web", "apps/v1beta1"), True),
        (ScaleTarget("Deployment", "other", "apps/v1"), False),
        (ScaleTarget("StatefulSet", "web", "apps/v1"), False),
        (ScaleTarget("Deployment", "web", "example.org/v1"), False),
    ],
)
def test_only_the_workloads_own_autoscaler_is_meant(target: ScaleTarget, expected: bool) -> None:
    assert Autoscaler(spec=AutoscalerSpec(scale_target_ref=target)).scales(DEPLOYMENTS, "web") is expected


def applied(scaler: Autoscaler, operations: list[Json]) -> Autoscaler:
    """A JSON patch of ours on an autoscaler: whole annotations, whole behavior."""
    annotations, behavior = scaler.metadata.annotations, scaler.spec.behavior
    for each in operations:
        if each["path"] == "/metadata/annotations":
            annotations = each.get("value", {})
        elif each["path"] == "/spec/behavior":
            behavior = each.get("value")
        else:
            assert each == {"op": "test", "path": "/metadata/resourceVersion", "value": ""}
    metadata = msgspec.structs.replace(scaler.metadata, annotations=annotations)
    return Autoscaler(metadata, msgspec.structs.replace(scaler.spec, behavior=behavior))
