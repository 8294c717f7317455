"""The Job of one measurement: its name, its labels, its owner and its limits. Pure; called by `runner`.

The name follows from the analysis, the metric and the measurement's number. So a copy that takes the analysis over
finds the Job that the one before it made, and the API server refuses a second one.
"""

import hashlib
import re
from typing import Any, Final

import msgspec

from tidegate_chassis.kubernetes.objects import ObjectMeta
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.job_source import Turn
from tidegate_metrics_analyzer.jobs.document import JobDocument

PREFIX: Final = "tidegate.io/"
ANALYSIS: Final = PREFIX + "analysis"
"""A label of the Job and its pods: whose measurement it is, as a digest."""
WORKLOAD: Final = PREFIX + "analysed-workload"
"""The same of the workload, by which its Jobs are found whatever the analysis was."""
MEASUREMENT: Final = PREFIX + "measurement"
"""An annotation, for people: rollout, metric and number."""
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
MANAGER: Final = "tidegate-metrics-analyzer"

KEPT_FINISHED_S: Final = 3600
"""How long a finished Job and its pods' logs stay for people where the template doesn't say; the cluster deletes it."""
KEPT_FINISHED_S_MIN: Final = 300
"""Whatever a template says: a copy that takes over must still find it."""

_WORD_LENGTH_MAX: Final = 18
_DIGEST_LENGTH: Final = 16
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


def label_of_analysis(analysis: str) -> str:
    return _digest(analysis)


def label_of_workload(workload: WorkloadReference | None) -> str:
    return _digest(workload.api_version, workload.kind, workload.name) if workload is not None else "none"


def name_of(turn: Turn) -> str:
    """At most 63 characters, since the pods carry it as a label."""
    workload = _word(turn.workload.name) if turn.workload is not None else "analysis"
    digest = _digest(turn.analysis, turn.metric, str(turn.number))
    return "-".join(part for part in (workload, _word(turn.metric), digest) if part)


def outdated(turn: Turn) -> Turn | None:
    """The measurement whose Job this one's takes the place of."""
    number = turn.number - turn.kept
    return msgspec.structs.replace(turn, number=number) if number > 0 else None


def is_of(turn: Turn, found: ObjectMeta) -> bool:
    """Whether a Job of that name is this measurement's: names may be taken by anybody."""
    return (found.labels.get(ANALYSIS), found.annotations.get(MEASUREMENT)) == (
        label_of_analysis(turn.analysis),
        _told(turn),
    )


def manifest(document: JobDocument, turn: Turn, owner: ObjectMeta | None, seconds_max: int) -> dict[str, Any]:
    """Args:
    document: What the template says.
    turn: Whose measurement it is.
    owner: The workload, with which the Job is deleted.
    seconds_max: No Job may take longer, whatever the template says.
    """
    labels = _labels(turn)
    metadata: dict[str, Any] = {
        "name": name_of(turn),
        "namespace": turn.namespace,
        "labels": document.metadata.labels | labels,
        "annotations": document.metadata.annotations | {MEASUREMENT: _told(turn)},
    }
    if owner is not None and turn.workload is not None:
        metadata["ownerReferences"] = [_owned_by(turn.workload, owner)]
    spec = document.spec
    limits = {
        "activeDeadlineSeconds": min(spec.get("activeDeadlineSeconds", seconds_max), seconds_max),
        "ttlSecondsAfterFinished": _kept_s(spec.get("ttlSecondsAfterFinished")),
        "template": _pod_template(spec["template"], labels),
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec | limits}


def _labels(turn: Turn) -> dict[str, str]:
    return {
        MANAGED_BY: MANAGER,
        ANALYSIS: label_of_analysis(turn.analysis),
        WORKLOAD: label_of_workload(turn.workload),
    }


def _told(turn: Turn) -> str:
    return f"{turn.analysis}, {turn.metric}, measurement {turn.number}"


def _owned_by(workload: WorkloadReference, owner: ObjectMeta) -> dict[str, Any]:
    """Not its controller: whoever counts a workload's own objects must not count Jobs."""
    return {
        "apiVersion": workload.api_version,
        "kind": workload.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": False,
        "blockOwnerDeletion": False,
    }


def _kept_s(said: Any) -> int:
    kept_s = said if isinstance(said, int) and not isinstance(said, bool) else KEPT_FINISHED_S
    return max(kept_s, KEPT_FINISHED_S_MIN)


def _pod_template(template: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    metadata = template.get("metadata") or {}
    return template | {"metadata": metadata | {"labels": (metadata.get("labels") or {}) | labels}}


def _word(text: str) -> str:
    return _NO_NAME.sub("-", text.lower())[:_WORD_LENGTH_MAX].strip("-")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_DIGEST_LENGTH]
