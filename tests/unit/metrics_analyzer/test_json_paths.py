"""kubectl's JSONPath as far as the web provider reads it, and what it refuses to guess."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate_metrics_analyzer.providers import json_path

TREE = {
    "ok": True,
    "none": None,
    "data": {"value": 1.5, "a.b": "dotted", "deep": {"value": 2.5}},
    "items": [{"name": "db", "value": 3.0}, {"name": "web", "value": 4.0, "up": False}, {"name": 5.0}],
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("{$}", TREE),
        ("{.}", TREE),
        ("{}", TREE),
        ("{$.ok}", True),
        ("{.none}", None),
        ("{ok}", True),
        ("{@.data.value}", 1.5),
        ("{.data['a.b']}", "dotted"),
        ('{.data["a.b"]}', "dotted"),
        ("{.items[0].value}", 3.0),
        ("{.items[-1].name}", 5.0),
        ("{.items[1:].value}", 4.0),
        ("{.items[:1].name}", "db"),
        ("{.items[*].up}", False),
        ("{.data.*}", 1.5),
        ("{..up}", False),
        ("{..deep.value}", 2.5),
        ('{.items[?(@.name=="web")].value}', 4.0),
        ("{.items[?(@.name=='web')].value}", 4.0),
        ("{.items[?(@.value > 3)].name}", "web"),
        ("{.items[?(@.up == false)].name}", "web"),
        ("{.items[?(@.name != 'db')].name}", "web"),
        ("{.items[?(@.up)].name}", "web"),
        (" { .ok } ", True),
    ],
)
def test_the_first_value_at_the_path_is_found(path: str, value: object) -> None:
    assert json_path.parse(path).first(TREE) == (value,)


@pytest.mark.parametrize(
    "path", ["{.missing}", "{.ok.value}", "{.items[9]}", "{.items[-9]}", "{.items.name}", "{.items[?(@.name=='x')]}"]
)
def test_nothing_at_the_path_is_nothing(path: str) -> None:
    assert json_path.parse(path).first(TREE) is None


@pytest.mark.parametrize(
    "path",
    [
        *("", ".ok", "ok", "{.ok", "{.a}{.b}", "text {.a}", "{range .items[*]}", "{.items['a','b']}", "{.items[0,1]}"),
        *("{.items[(@.length-1)]}", "{.items[?(@.a==b)]}", "{.items[?(1==1)]}", "{.items[::2]}", "{.a b}", "{[}"),
        "{" + ".a" * 33 + "}",
    ],
)
def test_what_is_not_read_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="JSONPath"):
        json_path.parse(path)


trees = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "name"]), inner, max_size=3),
    max_leaves=12,
)
paths = st.lists(
    st.sampled_from([".a", ".b", "..a", "..*", ".*", "[0]", "[-1]", "[1:]", "[?(@.a)]", "[?(@.a > 1)]", "['b']"]),
    max_size=5,
).map(lambda steps: "{" + "".join(steps) + "}")


@given(trees, paths)
def test_no_tree_is_an_exception(tree: object, path: str) -> None:
    found = json_path.parse(path).first(tree)
    assert found is None or len(found) == 1


@given(st.text(max_size=40))
def test_no_text_is_another_exception_than_a_refusal(text: str) -> None:
    with contextlib.suppress(ValueError):
        json_path.parse("{" + text + "}")
