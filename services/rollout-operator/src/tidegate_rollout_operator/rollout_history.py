"""Kruise's RolloutHistory: what a release was, kept after it. Pure.

Called by `recording`, which keeps one for each release. Its name is made of the release's id, so that all copies make
one and the same.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_rollout_operator.kruise import GROUP, ROLLOUT_ID, Rollout, Style

ROLLOUT_HISTORIES: Final = Resource(GROUP, "v1alpha1", "rollouthistories", "RolloutHistory")
ROLLOUT_NAME: Final = f"{GROUP}/rollout-name"
COMPLETED: Final = "completed"
SUFFIX_LENGTH: Final = 10
NAME_LENGTH_MAX: Final = 253
LABEL_LENGTH_MAX: Final = 63
PODS_MAX: Final = 5000
"""Told in one history; that many are about a third of what an object may hold."""

POD_ROLLOUT_ID: Final = "tidegate.io/rollout-id"
POD_BATCH: Final = "tidegate.io/batch"
"""The labels by which a pod tells in which step of which release it came."""
RELEASE: Final = "tidegate.io/rollout"
"""An annotation of a history: what the bus and the pods call its release."""

Json = dict[str, Any]


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """Of which Rollout and release a history is."""

    name: str = ""
    rollout_id: str = msgspec.field(name="rolloutID", default="")


class HistorySpec(msgspec.Struct, frozen=True, rename="camel"):
    rollout: Told = Told()


class HistoryStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    canary_steps: tuple[Json, ...] = ()


class RolloutHistory(KubernetesObject, frozen=True, rename="camel"):
    """As it stands."""

    spec: HistorySpec = HistorySpec()
    status: HistoryStatus = HistoryStatus()

    @property
    def identity(self) -> str:
        """What the bus calls its release."""
        return self.metadata.annotations.get(RELEASE, "")

    @property
    def open(self) -> bool:
        """Whether its release has not been told to its end yet."""
        return self.status.phase != COMPLETED

    @property
    def steps(self) -> set[int]:
        """Whose pods are told already."""
        return {int(each.get("canaryStepIndex", 0)) for each in self.status.canary_steps}


class Pod(NamedTuple):
    name: str
    address: str
    node: str
    step: int


class Named(NamedTuple):
    """An object of the release, and what it says; None where it can't be read any more."""

    name: str
    spec: Any


class Kept(NamedTuple):
    """What there is to keep of a release that has ended."""

    rollout: Any = None
    workload: Any = None
    service: Named | None = None
    route: Named | None = None
    ingress: Named | None = None


def name_of(rollout: Rollout, identity: str) -> str:
    suffix = hashlib.sha256(identity.encode()).hexdigest()[:SUFFIX_LENGTH]
    return f"{rollout.metadata.name[: NAME_LENGTH_MAX - SUFFIX_LENGTH - 1].rstrip('-.')}-{suffix}"


def opened(rollout: Rollout, identity: str, release: str) -> Json:
    """The history of a release that has begun; `identity` is what the bus calls it, `release` what its users do."""
    return {
        "apiVersion": ROLLOUT_HISTORIES.api_version,
        "kind": ROLLOUT_HISTORIES.kind,
        "metadata": {
            "name": name_of(rollout, identity),
            "namespace": rollout.metadata.namespace,
            "annotations": {RELEASE: identity},
            "labels": labels_of(rollout, release),
        },
        "spec": named(rollout, release),
    }


def named(rollout: Rollout, release: str) -> Json:
    """The spec of one that has not ended."""
    return {"rollout": _told(rollout, release)}


def labels_of(rollout: Rollout, release: str) -> dict[str, str]:
    return {ROLLOUT_ID: release, ROLLOUT_NAME: rollout.metadata.name[:LABEL_LENGTH_MAX].rstrip("-._")}


def filled(rollout: Rollout, release: str, kept: Kept) -> Json:
    """The spec of one that has ended."""
    reference = rollout.workload
    workload = {"apiVersion": reference.api_version, "kind": reference.kind, "name": reference.name}
    spec: Json = {
        "rollout": _told(rollout, release) | _data(kept.rollout),
        "workload": workload | _data(kept.workload),
    }
    if kept.service is not None:
        spec["service"] = _named(kept.service)
    routing = {"httpRoute": kept.route, "ingress": kept.ingress}
    if told := {name: _named(each) for name, each in routing.items() if each is not None}:
        spec["trafficRouting"] = told
    return spec


def _told(rollout: Rollout, release: str) -> Json:
    return {"name": rollout.metadata.name, "rolloutID": release}


def _named(named: Named) -> Json:
    return {"name": named.name} | _data(named.spec)


def _data(spec: Any) -> Json:
    return {"data": spec} if spec is not None else {}


def steps_of(pods: Iterable[Pod], standing: Iterable[Json] = ()) -> list[Json]:
    """By step, the pods that came in it; what was seen of a step before stays where none of its pods is left."""
    told: dict[int, Json] = {int(each.get("canaryStepIndex", 0)): each for each in standing}
    found: dict[int, list[Json]] = {}
    for pod in sorted(pods, key=lambda each: (each.step, each.name))[:PODS_MAX]:
        shown = {"name": pod.name, "ip": pod.address, "nodeName": pod.node}
        found.setdefault(pod.step, []).append({name: value for name, value in shown.items() if value})
    told |= {step: {"canaryStepIndex": step, "pods": shown} for step, shown in found.items()}
    return [told[step] for step in sorted(told)]


def style_of(rollout: Rollout) -> Style:
    strategy = rollout.spec.strategy
    return strategy.blue_green or strategy.canary or Style()


def surplus(histories: Iterable[RolloutHistory], kept_max: int) -> list[RolloutHistory]:
    """Those of one Rollout that are too many: the oldest whose releases have ended."""
    found = sorted(histories, key=lambda each: (each.metadata.creation_timestamp or "", each.metadata.name))
    return [each for each in found[: max(len(found) - kept_max, 0)] if not each.open]


def selector_of(workload: Any, identity: str) -> str:
    """By which the pods of a release are listed: its id, and what the workload says of its pods."""
    selector = workload.get("selector") if isinstance(workload, Mapping) else None
    parts = [f"{POD_ROLLOUT_ID}={identity}"]
    if isinstance(selector, Mapping):
        parts += [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
        parts += [_expression(each) for each in selector.get("matchExpressions") or ()]
    return ",".join(parts)


def _expression(expression: Mapping[str, Any]) -> str:
    key, values = str(expression.get("key", "")), ",".join(str(each) for each in expression.get("values") or ())
    match expression.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "DoesNotExist":
            return f"!{key}"
        case _:
            return key
