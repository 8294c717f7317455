"""The floor of each kind and style: what the native controller makes of the same steps, told by hand.

Pure; `floors` carries the moves out, each at the moment at which the controller says that the one before is done. No
step waits for anything else, nothing is checked, reported or labelled: nobody who moves a workload in these steps
can be faster. How each kind is told:

- *CloneSet, StatefulSets, Advanced DaemonSet*: their own partition is lowered. The first move has the new template.
- *DaemonSet*: knows no partition and can't be told to stop. Its own rolling update of all pods, in one move; a step is
  a fifth of that. It replaces them one at a time, as within its default limits a batch has to be.
- *Deployment, partition*: knows none either. What stops it are its budgets, as docs/deployment-hold.md has it: new pods
  that never count as available use up a `maxUnavailable` that grows step by step. The last move gives its own
  values back, which brings the last pods and ends the rollout in one.
- *Deployment, blue_green*: the same with `maxSurge`; one move more gives its own values back, and the old pods go.
- *canary, and a CloneSet's blue_green*: a second workload is scaled by hand; then the first gets the template and
  updates all its pods natively, and the second one is scaled to nothing and deleted: a rollout ends when no pod beside
  is in use either.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tidegate_bench.following import Condition, Native, whole
from tidegate_bench.workloads import DEPLOYMENT, PODS, Spec, Variant
from tidegate_chassis.kubernetes.resources import (
    ADVANCED_DAEMON_SETS,
    ADVANCED_STATEFUL_SETS,
    CLONE_SETS,
    STATEFUL_SETS,
)

STEP_PODS: Final = (2, 4, 6, 8, 10)
"""Updated pods of ten after each of the five steps."""

NEVER_AVAILABLE: Final[Spec] = {"minReadySeconds": 2147483646, "progressDeadlineSeconds": 2147483647}
OWN_LIMITS: Final[Spec] = {
    "minReadySeconds": None,
    "progressDeadlineSeconds": None,
    "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
}


class Move(NamedTuple):
    """What the workload's spec is told, as a merge patch, and when the native controller has done it."""

    spec: Spec
    done: Condition


def is_beside(variant: Variant) -> bool:
    """Whether the new pods are in a second workload."""
    return variant.style == "canary" or (variant.style == "blue_green" and variant.shape is not DEPLOYMENT)


def moves(variant: Variant, template: Spec) -> list[Move]:
    """Every move of a variant whose new pods are in the workload itself."""
    told = {"template": template}
    if variant.shape is DEPLOYMENT and variant.style == "blue_green":
        steps = [Move(_budgets(surge=pods), at_rest(pods, PODS + pods)) for pods in STEP_PODS]
        return [*_with_first(steps, told), Move(OWN_LIMITS, whole)]
    if variant.shape is DEPLOYMENT:
        steps = [Move(_budgets(unavailable=pods), at_rest(pods, PODS)) for pods in STEP_PODS[:-1]]
        return [*_with_first(steps, told), Move(OWN_LIMITS, whole)]
    partition = _PARTITIONS.get(variant.shape.resource)
    if partition is None:
        return [Move(told, whole)]
    return _with_first([Move(partition(PODS - pods), at_rest(pods, PODS)) for pods in STEP_PODS], told)


def at_rest(updated: int, pods: int) -> Condition:
    """So many pods are there, all ready, so many of them updated."""

    def condition(native: Native | None) -> bool:
        return (
            native is not None and native.seen and (native.updated, native.ready, native.pods) == (updated, pods, pods)
        )

    return condition


def _with_first(steps: list[Move], told: Spec) -> list[Move]:
    return [Move({**told, **steps[0].spec}, steps[0].done), *steps[1:]]


def _budgets(*, surge: int = 0, unavailable: int = 0) -> Spec:
    return {**NEVER_AVAILABLE, "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}


def _flat(partition: int) -> Spec:
    return {"updateStrategy": {"partition": partition}}


def _nested(partition: int) -> Spec:
    return {"updateStrategy": {"rollingUpdate": {"partition": partition}}}


_PARTITIONS: Final[dict[Any, Callable[[int], Spec]]] = {
    CLONE_SETS: _flat,
    STATEFUL_SETS: _nested,
    ADVANCED_STATEFUL_SETS: _nested,
    ADVANCED_DAEMON_SETS: _nested,
}
