"""What a planted bug is: one place in the source of one module, and what stands there instead."""

from typing import NamedTuple

_PACKAGES = {"bus": "saga_model", "world": "saga_model", "plan": "tidegate_contracts"}


class Mutant(NamedTuple):
    name: str
    what: str
    module: str
    old: str
    new: str
    first: int = 0
    """The seed to begin with, for one whose moment comes once in more seeds than are played in one hunt."""


def planted(module: str, name: str, what: str, old: str, new: str, *, first: int = 0) -> Mutant:
    package = _PACKAGES.get(module, "tidegate_orchestrator")
    return Mutant(name, what, f"{package}.{module}", old, new, first)
