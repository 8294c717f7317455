"""Names become tokens and come back; what is no name never becomes one."""

import pytest
from hypothesis import given
from strategies import dotted_names, hostile_names, labels

from tidegate_contracts import names


@given(dotted_names)
def test_a_name_comes_back_from_its_token(name: str) -> None:
    token = names.to_token(name)
    assert "." not in token
    assert names.from_token(token) == name


@given(hostile_names)
def test_what_is_no_name_never_becomes_a_token(text: str) -> None:
    if names.is_name(text):
        assert names.from_token(names.to_token(text)) == text
        return
    with pytest.raises(ValueError, match="can't be a subject token"):
        names.to_token(text)


@given(hostile_names)
def test_a_token_is_read_only_if_a_name_makes_it(token: str) -> None:
    try:
        name = names.from_token(token)
    except ValueError:
        return
    assert names.to_token(name) == token


@given(labels)
def test_a_label_is_a_name(label: str) -> None:
    assert names.is_label(label)
    assert names.is_name(label)


@pytest.mark.parametrize("text", ["v1", "apps/v1", "gateway.networking.k8s.io/v1beta1", "apps.kruise.io/v1alpha1"])
def test_api_versions_of_kubernetes_are_taken(text: str) -> None:
    assert names.is_api_version(text)


@pytest.mark.parametrize(
    "text", ["", "apps", "apps/", "/v1", "a..b/v1", ".a/v1", "Apps/v1", "a/b/v1", "v1\n", "a/v", "*/v1"]
)
def test_what_is_no_api_version_is_refused(text: str) -> None:
    assert not names.is_api_version(text)


def test_the_longest_kind_and_api_version_still_make_a_token() -> None:
    group = ".".join(["a" * 63, "b" * 63, "c" * 49])
    assert names.is_api_version(f"{group}/v1")
    assert not names.is_api_version(f"{group}ccc/v1")
    names.to_token(f"{'k' * 63}.{group}")
