"""Imports the parts of kubernetes_asyncio that read configuration, without its 800 generated models.

`kubernetes_asyncio` and `kubernetes_asyncio.client` import every model and API on first touch: 65 MB and 1.5 s, more
than a service's whole budget. The modules that we use (`config.*`, `client.configuration`) need neither, so they are
imported while light stand-ins hold the places of the two packages; afterwards the stand-ins are taken away again, and
whoever imports the full client later gets it, on the same `Configuration` class. Called by `connection` only.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

__all__ = ["ConfigurationModules", "configuration_modules"]

_PACKAGE = "kubernetes_asyncio"
_CLIENT = f"{_PACKAGE}.client"


class ConfigurationModules(NamedTuple):
    """What is used of kubernetes_asyncio; untyped, since naming its types would import (and type-check) it all."""

    configuration: Any  # kubernetes_asyncio.client.configuration
    kube_config: Any  # kubernetes_asyncio.config.kube_config
    incluster_config: Any  # kubernetes_asyncio.config.incluster_config
    exceptions: Any  # kubernetes_asyncio.config.config_exception


@cache
def configuration_modules() -> ConfigurationModules:
    """Import them, lightly unless someone has imported the full client before."""
    if _CLIENT in sys.modules:
        return _import_modules()
    with _light_packages():
        return _import_modules()


def _import_modules() -> ConfigurationModules:
    return ConfigurationModules(
        configuration=import_module(f"{_CLIENT}.configuration"),
        kube_config=import_module(f"{_PACKAGE}.config.kube_config"),
        incluster_config=import_module(f"{_PACKAGE}.config.incluster_config"),
        exceptions=import_module(f"{_PACKAGE}.config.config_exception"),
    )


@contextmanager
def _light_packages() -> Iterator[None]:
    """Stand-ins that know where their submodules lie but do not run the packages' own `__init__`."""
    spec = find_spec(_PACKAGE)
    assert spec is not None, "kubernetes-asyncio is installed"
    assert spec.origin is not None, "kubernetes-asyncio is an ordinary package"
    root = Path(spec.origin).parent
    sys.modules[_PACKAGE] = _stand_in(_PACKAGE, root)
    sys.modules[_CLIENT] = client = _stand_in(_CLIENT, root / "client")
    try:
        # config.* takes two names from the client package; ApiClient only for functions that we never call.
        vars(client)["Configuration"] = import_module(f"{_CLIENT}.configuration").Configuration
        vars(client)["ApiClient"] = object
        yield
    finally:
        del sys.modules[_PACKAGE], sys.modules[_CLIENT]


def _stand_in(name: str, path: Path) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = [str(path)]
    return module
