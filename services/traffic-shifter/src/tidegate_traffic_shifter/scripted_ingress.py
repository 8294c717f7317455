"""A canary Ingress with the annotations that a script has said, exactly. Pure; made by `ingress_scripting`."""

from typing import Final

import msgspec

from tidegate_contracts.routers import Abilities
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.canary_ingress import CanaryIngress
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

SAID: Final = marks.PREFIX + "script-annotations"
"""The names of what the script has said: what it doesn't say any more goes, and what others add stays."""


class ScriptedIngress(CanaryIngress):
    """A `Beside` format.

    Args:
        said: What the script made of the user's own annotations, for the share that is asked for.
        abilities: What can be asked of it.
    """

    prefix = ""
    owned = ()

    def __init__(self, said: dict[str, str], abilities: Abilities) -> None:
        self.abilities = abilities
        self._said = said

    def canary(self, route: Route, share: Share) -> Body:
        body = super().canary(route, share)
        names = msgspec.json.encode(sorted(self._said)).decode()
        return body | {"metadata": body["metadata"] | {"annotations": self._said | {SAID: names}}}

    def repair(self, found: Route, wanted: Body) -> Body | None:
        patch = super().repair(found, wanted)
        stale = dict.fromkeys(_said(found) - set(wanted["metadata"]["annotations"]))
        if not stale:
            return patch
        changed = patch or {"metadata": {"labels": {}, "annotations": {}}, "spec": {}}
        annotations = changed["metadata"]["annotations"] | stale
        return changed | {"metadata": changed["metadata"] | {"annotations": annotations}}


def _said(found: Route) -> set[str]:
    """Only names that are still there."""
    names = msgspec.json.decode(found.metadata.annotations.get(SAID, "[]"), type=list[str])
    return set(names) & set(found.metadata.annotations)
