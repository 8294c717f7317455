"""A template's `job` block: what may stand in it, and what is wrong with it. Pure.

Called by `runner` before a Job is made of it by `manifest`. The Job's spec is handed on as it is and checked by the API
server; what is refused here would never end, would end unseen, or would reach beyond the rollout's own namespace.
"""

from typing import Any, Final

import msgspec

from tidegate_metrics_analyzer.argo.arguments import STANDS_FOR_A_SECRET

RESTART_POLICIES: Final = ("Never", "OnFailure")
_ELSEWHERE: Final = ("selector", "manualSelector", "managedBy")
"""Fields by which somebody else than the cluster's own controller, or another Job's pods, would decide."""


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class JobDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    spec: dict[str, Any]
    metadata: Metadata = Metadata()


def read(block: dict[str, Any]) -> JobDocument:
    """The block as a document.

    Raises:
        ValueError: what is wrong with it, with the field, the rule and what stood there.
    """
    if STANDS_FOR_A_SECRET in msgspec.json.encode(block).decode():
        raise ValueError("a secret can't be written into a Job, which shows it: take it with secretKeyRef in the pod")
    try:
        document = msgspec.convert(block, JobDocument)
    except msgspec.ValidationError as error:
        raise ValueError(f"the job block is refused: {error}; it has a spec, and labels and annotations") from None
    _check(document.spec)
    return document


def _check(spec: dict[str, Any]) -> None:
    for name in _ELSEWHERE:
        if name in spec:
            raise ValueError(f"spec.{name} is {spec[name]!r}: leave it out, the cluster's own controller runs the Job")
    if spec.get("suspend", False) is not False:
        raise ValueError(f"spec.suspend is {spec['suspend']!r}: a suspended Job never ends, so leave it out")
    for name in ("parallelism", "completions", "activeDeadlineSeconds"):
        _check_number(name, spec.get(name, 1))
    _check_pod(spec.get("template"))


def _check_number(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"spec.{name} is {value!r}: it must be a whole number above 0")


def _check_pod(template: Any) -> None:
    pod = template.get("spec") if isinstance(template, dict) else None
    if not isinstance(pod, dict) or not pod.get("containers"):
        raise ValueError("spec.template.spec.containers is empty: a Job needs at least one container")
    metadata = template.get("metadata") or {}
    if not isinstance(metadata, dict) or not isinstance(metadata.get("labels") or {}, dict):
        rule = "it must be an object, and so must its labels"
        raise ValueError(f"spec.template.metadata is {metadata!r}: {rule}")  # noqa: TRY004 - it is what a user wrote
    policy = pod.get("restartPolicy")
    if policy not in RESTART_POLICIES:
        allowed = " or ".join(RESTART_POLICIES)
        raise ValueError(f"spec.template.spec.restartPolicy is {policy!r}: it must be {allowed}")
