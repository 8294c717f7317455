"""Whether a change of an object concerns us at all: most of a rollout changes fields that nobody here reads."""

from tidegate_chassis.kubernetes.objects import KubernetesObject, ObjectMeta, says_the_same


class Widget(KubernetesObject, frozen=True):
    size: int = 0


def widget(version: str, *, size: int = 1, **labels: str) -> Widget:
    return Widget(ObjectMeta(name="web", namespace="shop", resource_version=version, labels=labels), size=size)


def test_another_version_of_the_same_says_nothing_new() -> None:
    assert says_the_same(widget("7", app="web"), widget("8", app="web"))


def test_any_field_that_is_read_says_something_new() -> None:
    assert not says_the_same(widget("7"), widget("8", size=2))
    assert not says_the_same(widget("7"), widget("8", app="web"))


def test_coming_and_going_is_always_news() -> None:
    assert not says_the_same(None, widget("7"))
    assert not says_the_same(widget("7"), None)
