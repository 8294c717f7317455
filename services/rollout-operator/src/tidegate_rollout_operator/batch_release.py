"""Kruise's BatchRelease: how a Rollout's release under way is told to tools that look there. Pure.

Called by `mirroring`, which keeps the object. It is a mirror and no more: nobody reads it back, and what somebody
writes into it is written over. Both parts are made of the same view as the Rollout's status (`projection`).
"""

import hashlib
from typing import Any, Final, Literal, NamedTuple

import msgspec

from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.orders import Target
from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.rollout import Style as StyleName
from tidegate_rollout_operator.conditions import timestamp
from tidegate_rollout_operator.kruise import GROUP, ROLLOUTS, KruiseObject, Rollout
from tidegate_rollout_operator.view import View

BATCH_RELEASES: Final = Resource(GROUP, "v1beta1", "batchreleases", "BatchRelease")
KRUISES_FINALIZER: Final = f"{GROUP}/batch-release-finalizer"
"""On those that Kruise's own controller made."""

NOT_COUNTED: Final = -1
"""Kruise's, as long as nobody has looked at the workload."""

_STYLES: Final[dict[StyleName, str]] = {"partition": "Partition", "canary": "Canary", "blue_green": "BlueGreen"}

Json = dict[str, Any]
BatchState = Literal["Upgrading", "Verifying", "Ready"]


class BatchRelease(KruiseObject, frozen=True):
    """As it stands, whoever wrote it."""

    spec: Json = msgspec.field(default_factory=dict)


class Versions(NamedTuple):
    """What the Rollout's status calls them."""

    release: str
    stable: str
    updated: str


def manifest(rollout: Rollout, spec: Json) -> Json:
    """A new one, which goes with its Rollout."""
    metadata = rollout.metadata
    owner = {
        "apiVersion": ROLLOUTS.api_version,
        "kind": ROLLOUTS.kind,
        "name": metadata.name,
        "uid": metadata.uid,
        "controller": True,
    }
    return {
        "apiVersion": BATCH_RELEASES.api_version,
        "kind": BATCH_RELEASES.kind,
        "metadata": {"name": metadata.name, "namespace": metadata.namespace, "ownerReferences": [owner]},
        "spec": spec,
    }


def spec_of(view: View, versions: Versions) -> Json | None:
    """What is released, and up to which batch; None where no release is under way."""
    request = view.request
    if request is None or not view.active:
        return None
    workload = request.workload
    reference = {"apiVersion": workload.api_version, "kind": workload.kind, "name": workload.name}
    return {"workloadRef": reference, "releasePlan": _plan(view, request, versions)}


def _plan(view: View, request: RolloutRequested, versions: Versions) -> Json:
    """Its fields in Kruise's order, which its hash goes by."""
    plan: Json = {"batches": [{"canaryReplicas": _replicas(step.target)} for step in _steps(view)]}
    if not _ends(view):
        plan["batchPartition"] = view.index - 1
    plan["rolloutID"] = versions.release
    if request.failure_threshold is not None:
        plan["failureThreshold"] = request.failure_threshold
    if _ends(view):
        plan["finalizingPolicy"] = "Immediate" if view.stage == "cancelling" else "WaitResume"
    if request.canary_metadata is not None:
        given = request.canary_metadata
        plan["patchPodTemplateMetadata"] = {"annotations": given.annotations, "labels": given.labels}
    plan["rollingStyle"] = _STYLES[request.style]
    plan["enableExtraWorkloadForCanary"] = request.style == "canary"
    return plan


def _ends(view: View) -> bool:
    return view.closing or view.stage in ("finalising", "cancelling")


def _steps(view: View) -> list[Any]:
    """Those of the Rollout: without a last one that a request left out."""
    return [step for step in view.plan if not step.added]


def _replicas(target: Target) -> int | str:
    return target.count if target.count is not None else f"{target.percent}%"


def status_of(view: View, versions: Versions, spec: Json, generation: int) -> Json:
    """How far it is; `generation` is that of the object with this `spec`."""
    counts = view.counts
    return {
        "phase": _phase(view),
        "stableRevision": versions.stable,
        "updateRevision": versions.updated,
        "observedGeneration": generation,
        "observedRolloutID": versions.release,
        "observedWorkloadReplicas": counts.replicas if counts is not None else NOT_COUNTED,
        "observedReleasePlanHash": plan_hash(spec["releasePlan"]),
        "canaryStatus": {
            "batchState": _batch_state(view),
            "currentBatch": view.index - 1,
            "updatedReplicas": counts.updated if counts is not None else 0,
            "updatedReadyReplicas": counts.updated_ready if counts is not None else 0,
        }
        | ({"batchReadyTime": timestamp(view.ready_at_s)} if view.ready_at_s is not None else {}),
    }


def plan_hash(plan: Json) -> str:
    """Kruise's: of the plan's JSON."""
    return hashlib.sha256(msgspec.json.encode(plan)).hexdigest()


def _phase(view: View) -> str:
    if view.stage == "initializing":
        return "Preparing"
    return "Finalizing" if _ends(view) else "Progressing"


def _batch_state(view: View) -> BatchState:
    """Pods that are there, but not ready, are being verified."""
    if view.ready_at_s is not None or _ends(view):
        return "Ready"
    goal = _goal(view)
    return "Verifying" if view.counts is not None and goal is not None and view.counts.updated >= goal else "Upgrading"


def _goal(view: View) -> int | None:
    """How many pods the present batch has to have."""
    step = next((each for each in view.plan if each.number == view.step), None)
    if step is None or view.counts is None:
        return None
    replicas = view.counts.replicas
    if step.target.count is not None:
        return min(step.target.count, replicas)
    return min(-(-replicas * (step.target.percent or 0) // WHOLE_PERCENT), replicas)
