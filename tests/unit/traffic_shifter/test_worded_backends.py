"""Lists of weighted backends, whatever a format calls them; and merge patches that take fields away."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate_traffic_shifter.backends import Words, divided, holds, undivided
from tidegate_traffic_shifter.merge_patch import applied, foreign, is_counted, replacing
from tidegate_traffic_shifter.share import Share

NAMESPACE = "shop"
CANARY = "web-canary"
ALB = Words(service="to", identity=("to", "port"), weight_max=999)
PLAIN = Words(service="to", kinds=("Service",), identity=("kind", "to", "port"), usual_weight=100)
LISTS = st.lists(
    st.fixed_dictionaries(
        {"to": st.sampled_from(["web", "other", "third"]), "port": st.sampled_from([80, 81])},
        optional={"weight": st.integers(0, 999)},
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda each: (each["to"], each["port"]),
)
UNNAMED = Words(service="to", identity=("to", "port"), named_for_nothing=False)
WORDS = st.sampled_from([ALB, PLAIN, UNNAMED])
PERCENT = st.integers(0, 100)


def share(weight_percent: int) -> Share:
    return Share(service="web", canary_service=CANARY, weight_percent=weight_percent)


@given(own=LISTS, words=WORDS, percent=PERCENT)
def test_a_share_is_within_a_point_of_what_is_asked_and_within_the_formats_limit(
    own: list[dict[str, Any]], words: Words, percent: int
) -> None:
    found = divided(own, words, NAMESPACE, share(percent))
    assert all(0 <= words.weight(each) <= words.weight_max for each in found)
    total = sum(each["weight"] for each in found if each["to"] in ("web", CANARY)) if found is not own else 0
    if total >= 100:
        canary = sum(each["weight"] for each in found if each["to"] == CANARY)
        assert abs(100 * canary / total - percent) <= 1.0


@given(own=LISTS, words=WORDS, percent=PERCENT)
def test_the_users_own_list_is_found_again(own: list[dict[str, Any]], words: Words, percent: int) -> None:
    found = undivided(divided(own, words, NAMESPACE, share(percent)), [own], words, NAMESPACE, share(percent))
    assert found == own
    assert not holds(found, words, NAMESPACE, CANARY)


def test_numbers_come_back_from_the_likeliest_list_that_they_fit() -> None:
    two = [{"to": "web", "port": 80, "weight": 3}, {"to": "other", "port": 80, "weight": 1}]
    even = [each | {"weight": 1} for each in two]
    shared = divided(two, PLAIN, NAMESPACE, share(20))
    assert undivided(shared, [even, two], PLAIN, NAMESPACE, share(20)) == two
    edited = [*shared[:-1], shared[-1] | {"weight": 900}]
    found = undivided(edited, [even, two], PLAIN, NAMESPACE, share(20))
    assert [each["weight"] for each in found] == [300, 900], "it is they that were edited"


def test_other_kinds_and_namespaces_are_not_the_service() -> None:
    assert PLAIN.names({"to": "web"}, NAMESPACE, "web")
    assert PLAIN.names({"to": "web", "kind": "Service", "namespace": NAMESPACE}, NAMESPACE, "web")
    assert not PLAIN.names({"to": "web", "kind": "Bucket"}, NAMESPACE, "web")
    assert not PLAIN.names({"to": "web", "namespace": "other"}, NAMESPACE, "web")


BODIES = st.recursive(
    st.one_of(st.integers(), st.lists(st.integers(), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), BODIES, max_size=3)


@given(before=OBJECTS, after=OBJECTS)
def test_a_patch_makes_of_what_was_before_exactly_what_is_after(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert applied(before | {"kept": 1}, replacing(before, after)) == after | {"kept": 1}


def test_what_a_format_may_write_is_its_spec_and_labels_and_annotations_that_are_not_ours() -> None:
    annotations = {"annotations": {"a": "1", "ours/held": "x"}, "labels": {"b": "1"}, "name": "web"}
    assert foreign({"spec": {}, "metadata": annotations}, "ours/") == ["metadata.name", "ours/held"]
    assert foreign({"status": {}}, "ours/") == ["status"]
    assert is_counted({"spec": {}})
    assert not is_counted({"spec": {}, "metadata": {}}), "annotations don't count up a generation"
