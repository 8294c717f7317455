"""What a planted bug is: one place in the source of one module, and what stands there instead."""

from typing import NamedTuple

_PACKAGES = {"bus": "saga_model", "world": "saga_model", "plan": "tidegate_contracts"}


class Mutant(NamedTuple):
    name: str
    what: str
    module: str
    old: str
    new: str


def planted(module: str, name: str, what: str, old: str, new: str) -> Mutant:
    package = _PACKAGES.get(module, "tidegate_orchestrator")
    return Mutant(name, what, f"{package}.{module}", old, new)
