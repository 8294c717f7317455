"""Holding off the HorizontalPodAutoscaler of a workload that has grown by its new pods, and letting it scale again.

Pure; `around` decides when, `kinds.scaling` finds them and sends what is written here. Counting stable and new pods
together, an autoscaler would take the new ones for a load that has halved. Both its directions are disabled, by its own
field for that, and the user's own `behavior` is kept in an annotation until then.
"""

from typing import Any, Final

import msgspec

from tidegate_chassis.kubernetes.ownership import OwnedMeta, disowning, own_entries
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_workload_controller import marks
from tidegate_workload_controller.marks import FIELD_MANAGER

Json = dict[str, Any]

DIRECTIONS: Final = ("scaleUp", "scaleDown")
DISABLED: Final = "Disabled"


class ScaleTarget(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    api_version: str = ""


class AutoscalerSpec(msgspec.Struct, frozen=True, rename="camel"):
    scale_target_ref: ScaleTarget = ScaleTarget()
    behavior: Json | None = None


class Autoscaler(msgspec.Struct, frozen=True, rename="camel"):
    metadata: OwnedMeta = OwnedMeta()
    spec: AutoscalerSpec = AutoscalerSpec()

    def scales(self, resource: Resource, name: str) -> bool:
        target = self.spec.scale_target_ref
        group = target.api_version.rpartition("/")[0]
        return (group, target.kind, target.name) == (resource.group, resource.kind, name)

    @property
    def marked(self) -> bool:
        """Whether we hold it off, or did until somebody else changed it."""
        return marks.SAVED_BEHAVIOR in self.metadata.annotations

    @property
    def ours(self) -> bool:
        """Whether anything on it says that we wrote to it."""
        return self.marked or bool(own_entries(self.metadata.managed_fields, FIELD_MANAGER))

    @property
    def held_off(self) -> bool:
        behavior = self.spec.behavior or {}
        still = all((behavior.get(way) or {}).get("selectPolicy") == DISABLED for way in DIRECTIONS)
        return self.marked and still


def holding_off(scaler: Autoscaler, rollout: str) -> list[Json]:
    """As a JSON patch of the autoscaler as it was seen. What somebody wrote while it was held off is theirs, too."""
    own = scaler.spec.behavior
    still = {way: {**((own or {}).get(way) or {}), "selectPolicy": DISABLED} for way in DIRECTIONS}
    saved = msgspec.json.encode(own).decode()
    annotations = {**scaler.metadata.annotations, marks.HELD_FOR: rollout, marks.SAVED_BEHAVIOR: saved}
    return [
        _unchanged(scaler),
        {"op": "add", "path": "/metadata/annotations", "value": annotations},
        {"op": "add", "path": "/spec/behavior", "value": {**(own or {}), **still}},
    ]


def letting_scale(scaler: Autoscaler) -> list[Json]:
    """As a JSON patch of the autoscaler as it was seen: what was absent is absent again, at last our name, too."""
    if not scaler.marked:
        return disowning(own_entries(scaler.metadata.managed_fields, FIELD_MANAGER), FIELD_MANAGER)
    kept = {
        name: value
        for name, value in scaler.metadata.annotations.items()
        if name not in {marks.HELD_FOR, marks.SAVED_BEHAVIOR}
    }
    operations = [_unchanged(scaler), _whole("/metadata/annotations", kept or None)]
    return [*operations, _whole("/spec/behavior", _saved(scaler))] if scaler.held_off else operations


def _whole(path: str, value: Json | None) -> Json:
    return {"op": "replace", "path": path, "value": value} if value is not None else {"op": "remove", "path": path}


def _unchanged(scaler: Autoscaler) -> Json:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": scaler.metadata.resource_version}


def _saved(scaler: Autoscaler) -> Json | None:
    """None where there was none, and where somebody made it unreadable: then Kubernetes' own defaults hold."""
    try:
        return msgspec.json.decode(scaler.metadata.annotations[marks.SAVED_BEHAVIOR], type=Json | None)
    except msgspec.MsgspecError:
        return None
