"""A pod template's strategic-merge patch merged by us, case by case as Kubernetes documents it."""

from typing import Any

import pytest

from tidegate_workload_controller.merging import merged

BASE: dict[str, Any] = {
    "metadata": {"labels": {"app": "web", "tier": "front"}, "annotations": {"a": "1"}},
    "spec": {
        "containers": [
            {"name": "app", "image": "web:v1", "args": ["--one"], "env": [{"name": "A", "value": "1"}]},
            {"name": "side", "image": "side:v1"},
        ],
        "tolerations": [{"key": "x"}],
        "volumes": [{"name": "data", "emptyDir": {}}],
    },
}


def spec(patch: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = merged(BASE, {"spec": patch})["spec"]
    return result


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        ({"image": "web:v2"}, {"image": "web:v2", "args": ["--one"], "env": [{"name": "A", "value": "1"}]}),
        ({"args": ["--two"]}, {"image": "web:v1", "args": ["--two"], "env": [{"name": "A", "value": "1"}]}),
        (
            {"env": [{"name": "B", "value": "2"}]},
            {"image": "web:v1", "args": ["--one"], "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        ),
        ({"env": [{"name": "A", "$patch": "delete"}]}, {"image": "web:v1", "args": ["--one"], "env": []}),
        ({"env": [{"$patch": "replace"}]}, {"image": "web:v1", "args": ["--one"], "env": []}),
        ({"args": None}, {"image": "web:v1", "env": [{"name": "A", "value": "1"}]}),
    ],
    ids=["a field", "a plain list", "a keyed list", "an entry away", "a list replaced", "a field away"],
)
def test_a_container_is_merged_by_its_name(patch: dict[str, Any], expected: dict[str, Any]) -> None:
    containers = spec({"containers": [{"name": "app", **patch}]})["containers"]
    assert containers == [{"name": "app", **expected}, {"name": "side", "image": "side:v1"}]


def test_a_container_that_is_new_comes_last_and_one_can_go() -> None:
    patch = {"containers": [{"name": "new", "image": "new:v1"}, {"name": "side", "$patch": "delete"}]}
    assert [each["name"] for each in spec(patch)["containers"]] == ["app", "new"]


def test_lists_without_a_key_are_replaced_and_maps_merge() -> None:
    assert spec({"tolerations": [{"key": "y"}]})["tolerations"] == [{"key": "y"}]
    metadata = merged(BASE, {"metadata": {"labels": {"tier": None, "new": "1"}}})["metadata"]
    assert metadata == {"labels": {"app": "web", "new": "1"}, "annotations": {"a": "1"}}


def test_a_map_can_be_replaced_or_deleted_as_a_whole() -> None:
    replaced = merged(BASE, {"metadata": {"labels": {"$patch": "replace", "only": "1"}}})
    assert replaced["metadata"]["labels"] == {"only": "1"}
    deleted = merged(BASE, {"metadata": {"annotations": {"$patch": "delete"}}})
    assert "annotations" not in deleted["metadata"]


def test_entries_go_from_a_list_of_names_and_an_order_says_nothing() -> None:
    base = {"finalizers": ["a", "b"]}
    assert merged(base, {"$deleteFromPrimitiveList/finalizers": ["a"]}) == {"finalizers": ["b"]}
    assert merged(base, {"finalizers": ["c"], "$setElementOrder/finalizers": ["c", "a"]}) == {
        "finalizers": ["a", "b", "c"]
    }


def test_the_base_stays_as_it_was() -> None:
    before = str(BASE)
    merged(BASE, {"spec": {"containers": [{"name": "app", "image": "web:v2", "env": [{"name": "A", "value": "9"}]}]}})
    assert str(BASE) == before
