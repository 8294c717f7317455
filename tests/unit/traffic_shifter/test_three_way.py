"""An edit of what a script has written becomes part of the user's own, or the place where it can't is told."""

from typing import Any

import pytest

from tidegate_traffic_shifter.three_way import merge, merge_patch

USER = {"host": "web", "routes": [{"to": "web"}, {"to": "docs"}], "timeout": 3}
SHARED = {"host": "web", "routes": [{"to": "web", "weight": 80}, {"to": "docs"}], "timeout": 3}
IN_FRONT = USER | {"routes": [{"to": "canary"}, *USER["routes"]]}


def test_what_nobody_edited_is_the_users_own_again() -> None:
    assert merge(USER, SHARED, SHARED) == (USER, ())
    assert merge(USER, IN_FRONT, IN_FRONT) == (USER, ())


@pytest.mark.parametrize("made", [SHARED, IN_FRONT])
def test_an_edit_beside_what_the_script_changed_is_the_users_own(made: Any) -> None:
    assert merge(USER, made, made | {"timeout": 9, "retries": 1}) == (USER | {"timeout": 9, "retries": 1}, ())
    without = {name: value for name, value in made.items() if name != "timeout"}
    assert merge(USER, made, without).part == {name: value for name, value in USER.items() if name != "timeout"}


@pytest.mark.parametrize("made", [SHARED, IN_FRONT])
def test_an_edit_of_another_element_of_a_list_is_the_users_own(made: Any) -> None:
    routes = [*made["routes"][:-1], {"to": "docs", "timeout": 1}]
    assert merge(USER, made, made | {"routes": routes}) == (
        USER | {"routes": [{"to": "web"}, {"to": "docs", "timeout": 1}]},
        (),
    )


def test_an_edit_within_an_element_that_the_script_changed_is_the_users_own() -> None:
    edited = SHARED | {"routes": [{"to": "web", "weight": 80, "retries": 2}, {"to": "docs"}]}
    assert merge(USER, SHARED, edited) == (USER | {"routes": [{"to": "web", "retries": 2}, {"to": "docs"}]}, ())


@pytest.mark.parametrize(
    ("routes", "wanted"),
    [
        (
            [{"to": "canary"}, {"to": "web"}, {"to": "docs"}, {"to": "new"}],
            [{"to": "web"}, {"to": "docs"}, {"to": "new"}],
        ),
        ([{"to": "canary"}, {"to": "web"}], [{"to": "web"}]),
        (
            [{"to": "canary"}, {"to": "web"}, {"to": "new"}, {"to": "docs"}],
            [{"to": "web"}, {"to": "new"}, {"to": "docs"}],
        ),
    ],
)
def test_elements_that_come_and_go_beside_the_scripts_are_the_users(routes: Any, wanted: Any) -> None:
    assert merge(USER, IN_FRONT, IN_FRONT | {"routes": routes}) == (USER | {"routes": wanted}, ())


def test_elements_that_come_before_the_scripts_are_the_users() -> None:
    appended = {"subsets": [{"name": "a"}, {"name": "canary"}]}
    edited = {"subsets": [{"name": "b"}, {"name": "a"}, {"name": "canary"}]}
    assert merge({"subsets": [{"name": "a"}]}, appended, edited) == ({"subsets": [{"name": "b"}, {"name": "a"}]}, ())


def test_where_both_changed_the_same_the_place_is_told_and_the_edit_left_out() -> None:
    edited = SHARED | {"timeout": 9, "routes": [{"to": "web", "weight": 50}, {"to": "docs"}]}
    assert merge(USER, SHARED, edited) == (USER | {"timeout": 9}, ("routes[0].weight",))
    removed = IN_FRONT | {"routes": USER["routes"][1:]}
    assert merge(USER, IN_FRONT, removed).conflicts == ("routes",)


def test_who_takes_the_scripts_part_out_has_changed_nothing_of_their_own() -> None:
    assert merge(USER, SHARED, USER) == (USER, ())
    assert merge(USER, IN_FRONT, USER) == (USER, ())


def test_true_is_not_1() -> None:
    assert merge({"on": 1}, {"on": 1, "weight": 5}, {"on": True, "weight": 5}) == ({"on": True}, ())


@pytest.mark.parametrize("wanted", [SHARED, IN_FRONT, {}, {"timeout": {"a": 1}}, {"host": "web", "timeout": True}])
def test_a_patch_makes_one_object_of_another(wanted: Any) -> None:
    patched = dict(USER)
    for name, value in merge_patch(USER, wanted).items():
        if value is None:
            del patched[name]
        else:
            patched[name] = value
    assert patched == wanted
    assert merge_patch(wanted, wanted) == {}
    assert merge_patch({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}) == {"a": {"c": None}}
