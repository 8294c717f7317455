"""Objects of any kind, by a script of the cluster's: Kruise's custom networks. What it does is in `scripting`."""

from typing import Literal

from tidegate_contracts.routers import BUILT_IN, SCRIPT, Abilities


class ObjectScript:
    scripts: Literal["object", "ingress"] = "object"
    abilities: Abilities = BUILT_IN[SCRIPT]
