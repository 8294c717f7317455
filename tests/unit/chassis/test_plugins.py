from importlib.metadata import EntryPoint
from typing import Protocol

import pytest

from tidegate_chassis.errors import Permanent
from tidegate_chassis.plugins import PluginError, Plugins

GROUP = "tidegate.test"


class Shape(Protocol):
    name: str

    def area(self) -> float: ...


class Square:
    name = "square"

    def area(self) -> float:
        return 1.0


class Nothing:
    pass


def point(name: str, what: str) -> EntryPoint:
    return EntryPoint(name=name, value=f"{__name__}:{what}", group=GROUP)


def test_a_plugin_is_found_by_its_name() -> None:
    plugins = Plugins(GROUP, Shape, [point("square", "Square"), point("none", "Nothing")])
    assert plugins.names == ("none", "square")
    assert plugins.load("square") is Square


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    plugins = Plugins(GROUP, Shape, [EntryPoint(name="broken", value="no.such.module:Thing", group=GROUP)])
    with pytest.raises(ModuleNotFoundError):
        plugins.load("broken")


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(Permanent) as refused:
        Plugins(GROUP, Shape, [point("square", "Square")]).load("circle")
    assert (refused.value.value, refused.value.remedy) == ("circle", "Use one of: square.")


def test_a_plugin_that_lacks_a_method_is_refused_by_its_name() -> None:
    with pytest.raises(PluginError, match="lacks area"):
        Plugins(GROUP, Shape, [point("none", "Nothing")]).load("none")


def test_two_plugins_of_one_name_are_refused() -> None:
    with pytest.raises(PluginError, match="two plugins 'square'"):
        Plugins(GROUP, Shape, [point("square", "Square"), point("square", "Nothing")])


def test_one_plugin_that_is_found_twice_is_fine() -> None:
    assert Plugins(GROUP, Shape, [point("square", "Square")] * 2).load("square") is Square
