from support.workloads import image

from tidegate_contracts.rollout import Change
from tidegate_workload_controller.template import change_patch, container_names, digest, unknown_container, without_hash

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}, "creationTimestamp": None},
    "spec": {"containers": [{"name": "app", "image": "web:v1"}], "initContainers": [{"name": "first", "image": "i:1"}]},
}


def test_a_replica_sets_own_label_does_not_change_the_digest() -> None:
    labelled = {**TEMPLATE, "metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}}}
    assert digest(labelled) == digest(TEMPLATE)
    assert "pod-template-hash" not in without_hash(labelled)["metadata"]["labels"]


def test_the_order_of_fields_does_not_change_the_digest_and_their_values_do() -> None:
    turned = {"spec": dict(reversed(TEMPLATE["spec"].items())), "metadata": TEMPLATE["metadata"]}
    assert digest(turned) == digest(TEMPLATE)
    assert digest({**TEMPLATE, "spec": {}}) != digest(TEMPLATE)


def test_a_controller_that_keeps_empty_resources_does_not_change_the_digest() -> None:
    """What a custom resource's own controller, written in Go, keeps of containers that say nothing of resources."""
    kept = [{"name": "app", "image": "web:v1", "resources": {}}]
    spec = {"containers": kept, "initContainers": [{**TEMPLATE["spec"]["initContainers"][0], "resources": {}}]}
    assert digest({**TEMPLATE, "spec": spec}) == digest(TEMPLATE)
    limited = [{**kept[0], "resources": {"limits": {"cpu": "1"}}}]
    assert digest({**TEMPLATE, "spec": {**spec, "containers": limited}}) != digest(TEMPLATE)


def test_an_image_goes_to_the_list_in_which_its_container_stands() -> None:
    patch = change_patch(TEMPLATE, Change(images={"first": "i:2", "app": "web:v2"}))
    assert patch["spec"]["initContainers"] == [{"name": "first", "image": "i:2"}]
    assert patch["spec"]["containers"] == [{"name": "app", "image": "web:v2"}]


def test_an_image_joins_the_entry_that_the_patch_has_for_its_container() -> None:
    given = {"spec": {"containers": [{"name": "app", "args": ["-v"]}, {"name": "side", "image": "s:1"}]}}
    patch = change_patch(TEMPLATE, Change(images={"app": "web:v2"}, template_patch=given))
    assert patch["spec"]["containers"] == [
        {"name": "side", "image": "s:1"},
        {"name": "app", "args": ["-v"], "image": "web:v2"},
    ]
    assert given["spec"]["containers"][0] == {"name": "app", "args": ["-v"]}


def test_a_container_that_is_nowhere_is_named_with_those_that_are() -> None:
    problem = unknown_container(TEMPLATE, Change(images={"ap": "web:v2"}))
    assert problem is not None
    assert problem.field == "change.images.ap"
    assert "app, first" in problem.rule
    assert unknown_container(TEMPLATE, image("v2")) is None


def test_a_container_that_the_patch_brings_is_known() -> None:
    patch = {"spec": {"containers": [{"name": "side"}]}}
    assert unknown_container(TEMPLATE, Change(images={"side": "s:1"}, template_patch=patch)) is None


def test_a_patch_of_an_odd_shape_names_no_containers() -> None:
    assert container_names({"spec": {"containers": "none"}}) == []
    assert container_names({"spec": None}) == []
    assert container_names({"spec": {"containers": [{"image": "x"}, 7]}}) == []
