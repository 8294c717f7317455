"""Plugins by entry point: looked up by name when needed, checked against their protocol, never two of one name.

Used by the services that have kinds, routers or providers. The built-in ones come through the same groups. Nothing
is imported until it is asked for, so that a service carries only the plugins that it uses.
"""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from tidegate_chassis.errors import Permanent


class PluginError(RuntimeError):
    """The installation is wrong: two plugins of one name, or one that isn't what its group asks for."""


class Plugins:
    """Args:
    group: The entry points' group, such as `tidegate.traffic_routers`.
    protocol: The protocol that each plugin's class must implement.
    found: The entry points; the installed ones where it is left out.
    """

    def __init__(self, group: str, protocol: type, found: Iterable[EntryPoint] | None = None) -> None:
        self.group = group
        self._protocol = protocol
        self._points: dict[str, EntryPoint] = {}
        for point in entry_points(group=group) if found is None else found:
            other = self._points.get(point.name)
            if other is not None and other.value != point.value:
                raise PluginError(f"{group} has two plugins {point.name!r}: {other.value} and {point.value}")
            self._points[point.name] = point

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._points))

    def load(self, name: str) -> Any:
        """The plugin's class (or factory); raises `Permanent` for an unknown name, `PluginError` for a wrong plugin."""
        point = self._points.get(name)
        if point is None:
            known = ", ".join(self.names) or "none"
            remedy = f"Use one of: {known}."
            raise Permanent(
                f"{self.group} has no plugin {name!r}", code="unknown-plugin", value=name, rule=known, remedy=remedy
            )
        plugin = point.load()
        missing = [part for part in _parts(self._protocol) if not hasattr(plugin, part)]
        if missing:
            raise PluginError(f"{point.value} is no {self._protocol.__name__}: it lacks {', '.join(missing)}")
        return plugin


def _parts(protocol: type) -> list[str]:
    """What a protocol's class must have: its methods; what is only annotated may be set by its constructor."""
    return sorted(
        name
        for base in protocol.__mro__
        if getattr(base, "_is_protocol", False)
        for name, part in vars(base).items()
        if callable(part) and not name.startswith("_")
    )
