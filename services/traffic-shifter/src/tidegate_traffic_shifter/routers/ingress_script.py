"""Ingresses of any class, by a script of the cluster's. What it does is in `ingress_scripting`."""

from typing import Literal

from tidegate_contracts.routers import BUILT_IN, INGRESS_SCRIPT, Abilities


class IngressScript:
    scripts: Literal["object", "ingress"] = "ingress"
    abilities: Abilities = BUILT_IN[INGRESS_SCRIPT]
