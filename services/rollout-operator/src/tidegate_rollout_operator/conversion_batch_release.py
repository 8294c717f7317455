"""BatchReleases of version v1alpha1 as v1beta1, which is stored, and back. Pure; called by `conversion`.

They differ in where the workload stands, and in that v1alpha1 tells the style in an annotation as well.
"""

from typing import Any, Final

from tidegate_rollout_operator.batch_release import BATCH_RELEASES
from tidegate_rollout_operator.kruise import ROLLING_STYLE

Json = dict[str, Any]

_STYLES: Final = {style.lower(): style for style in ("Partition", "Canary", "BlueGreen")}


def converted(found: Json, api_version: str) -> Json:
    """The same BatchRelease in this version, one of the two, which is not its own."""
    spec, metadata = dict(found.get("spec") or {}), dict(found.get("metadata") or {})
    annotations = dict(metadata.pop("annotations", None) or {})
    plan = dict(spec.get("releasePlan") or {})
    if api_version == BATCH_RELEASES.api_version:
        reference = (spec.pop("targetReference", None) or {}).get("workloadRef")
        spec |= {"workloadRef": reference} if reference is not None else {}
        style = _STYLES.get(str(annotations.pop(ROLLING_STYLE, "")).lower())
        plan |= {"rollingStyle": style} if style is not None else {}
    else:
        spec["targetReference"] = {"workloadRef": spec.pop("workloadRef", None)}
        annotations |= {ROLLING_STYLE: str(plan["rollingStyle"]).lower()} if "rollingStyle" in plan else {}
    spec["releasePlan"] = plan
    metadata |= {"annotations": annotations} if annotations else {}
    return {**found, "apiVersion": api_version, "metadata": metadata, "spec": spec}
