"""A model of the native Deployment and ReplicaSet controllers, as exact as the arithmetic of a rolling update needs.

Written after the observable rules of kube-controller-manager 1.36 (`rollingUpdate`, proportional scaling, clean-up of
unhealthy pods) and compared with the real one in tests/integration/workload_controller. `World` runs the real decisions
of the workload-controller against it, one small step at a time.
"""

from collections.abc import Callable
from typing import Any

from tidegate_chassis.kubernetes.objects import ObjectMeta, OwnerReference
from tidegate_workload_controller import marks
from tidegate_workload_controller.budget_hold import HOLD_MIN_READY_S, BudgetHold
from tidegate_workload_controller.budgets import Amount, Budget
from tidegate_workload_controller.seen import (
    Condition,
    Pod,
    PodStatus,
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    View,
    Workload,
    WorkloadSpec,
    WorkloadStatus,
)

HOLD = BudgetHold()
LONG_AGO = "2026-01-01T00:00:00Z"
_PODS: dict[tuple[str, int, bool], Pod] = {}


class NativeReplicaSet:
    """One revision: how many pods it was told to have, and which are ready."""

    def __init__(self, revision: str, created: int, desired: int, most: int) -> None:
        self.revision = revision
        self.created = created
        self.told = 0
        self.desired = desired
        self.most = most
        self.held = False
        self.pods: dict[int, bool] = {}
        self._next = 0

    @property
    def ready(self) -> int:
        return sum(self.pods.values())

    @property
    def available(self) -> int:
        """Ready for its own minReadySeconds: under the hold, never."""
        return 0 if self.held else self.ready

    def sync(self) -> None:
        """The ReplicaSet controller: pods that aren't ready go first."""
        while len(self.pods) < self.told:
            self._next += 1
            self.pods[self._next] = False
        surplus = len(self.pods) - self.told
        for number in sorted(self.pods, key=lambda each: (self.pods[each], -each))[: max(surplus, 0)]:
            del self.pods[number]


class NativeDeployment:
    """The Deployment controller, one sync at a time."""

    def __init__(
        self, replicas: int, *, surge: Amount = "25%", unavailable: Amount = "25%", revision: str = "v1"
    ) -> None:
        self.replicas = replicas
        self.budget = Budget(surge, unavailable)
        self.revision = revision
        self.held = False
        self.sets: dict[str, NativeReplicaSet] = {}
        self.until_still()
        self.ready_all()

    # The user's and the kubelet's doings

    def ready_all(self) -> None:
        for each in self.sets.values():
            each.pods = dict.fromkeys(each.pods, True)

    def until_still(self) -> None:
        while self.sync():
            pass

    @property
    def total(self) -> int:
        return sum(each.told for each in self.sets.values())

    @property
    def ready(self) -> int:
        return sum(each.ready for each in self.sets.values())

    def told(self, revision: str) -> int:
        return self.sets[revision].told if revision in self.sets else 0

    # The controllers

    def sync(self) -> bool:
        """One round of both controllers; whether anything changed."""
        before = self._state()
        if self._is_scaled():
            self._scale()
        else:
            self._roll()
        for each in self.sets.values():
            each.sync()
        return self._state() != before

    def _state(self) -> list[tuple[Any, ...]]:
        return [(each.revision, each.told, len(each.pods), each.desired, each.most) for each in self.sets.values()]

    def _new(self) -> NativeReplicaSet:
        most = self.replicas + self._surge()
        if self.revision not in self.sets:
            made = NativeReplicaSet(self.revision, len(self.sets), self.replicas, most)
            others = self.total
            self.sets[self.revision] = made
            made.held = self.held
            made.told = self._grown(made, others)
        new = self.sets[self.revision]
        new.held = self.held
        return new

    def _surge(self) -> int:
        return self.budget.room(self.replicas).surge

    def _tell(self, each: NativeReplicaSet, pods: int) -> None:
        each.told = pods
        each.desired, each.most = self.replicas, self.replicas + self._surge()

    def _grown(self, new: NativeReplicaSet, total: int) -> int:
        most = self.replicas + self._surge()
        if total >= most:
            return new.told
        return new.told + min(most - total, self.replicas - new.told)

    def _is_scaled(self) -> bool:
        return any(each.told and each.desired != self.replicas for each in self.sets.values())

    def _roll(self) -> None:
        new = self._new()
        if new.told > self.replicas:
            self._tell(new, self.replicas)
            return
        if new.told < self.replicas and (grown := self._grown(new, self.total)) != new.told:
            self._tell(new, grown)
            return
        self._shrink(new, [each for each in self.sets.values() if each is not new and each.told])

    def _shrink(self, new: NativeReplicaSet, old: list[NativeReplicaSet]) -> None:
        least = self.replicas - self.budget.room(self.replicas).unavailable
        most = self.total - least - (new.told - new.available)
        if not old or most <= 0:
            return
        old.sort(key=lambda each: each.created)
        cleaned = 0
        for each in old:
            unhealthy = min(most - cleaned, each.told - each.available)
            if unhealthy > 0:
                self._tell(each, each.told - unhealthy)
                cleaned += unhealthy
        spare = sum(each.available for each in self.sets.values()) - least
        for each in old:
            if spare > 0 and each.told:
                taken = min(each.told, spare)
                self._tell(each, each.told - taken)
                spare -= taken

    def _scale(self) -> None:
        """Proportional scaling, where more than one revision has pods."""
        active = [each for each in self.sets.values() if each.told]
        if len(active) == 1:
            self._tell(active[0], self.replicas)
            return
        new = self.sets.get(self.revision)
        if new is not None and new.told == self.replicas == new.desired == new.available:
            for each in active:
                if each is not new:
                    self._tell(each, 0)
            return
        self._scale_proportionally(active)

    def _scale_proportionally(self, active: list[NativeReplicaSet]) -> None:
        most = self.replicas + self._surge() if self.replicas else 0
        to_add = most - sum(each.told for each in active)
        newer_first = to_add > 0
        active.sort(key=lambda each: (each.told, each.created if newer_first else -each.created), reverse=True)
        sizes: list[int] = []
        added = 0
        for each in active:
            share = self._share(each, most, to_add, added) if to_add else 0
            sizes.append(each.told + share)
            added += share
        if to_add:
            sizes[0] = max(sizes[0] + to_add - added, 0)
        for each, size in zip(active, sizes, strict=True):
            self._tell(each, size)

    def _share(self, each: NativeReplicaSet, most: int, to_add: int, added: int) -> int:
        if to_add == added:
            return 0
        size = -each.told if self.replicas == 0 else _rounded(each.told * most / each.most) - each.told
        return min(size, to_add - added) if to_add > 0 else max(size, to_add - added)


def _rounded(number: float) -> int:
    return int(number + 0.5) if number >= 0 else int(number - 0.5)


def view_of(native: NativeDeployment, written: "Written") -> View:
    """What a live read of the model would give; a revision's name is its template's digest."""
    sets = tuple(_replica_set(each) for each in native.sets.values())
    annotations, labels = dict(written.annotations), dict(written.labels)
    workload = Workload(
        metadata=ObjectMeta(
            name="web", namespace="shop", uid="web-uid", generation=1, annotations=annotations, labels=labels
        ),
        spec=WorkloadSpec(replicas=native.replicas, strategy=written.strategy, **written.fields),
        status=WorkloadStatus(
            observed_generation=1,
            replicas=sum(each.status.replicas for each in sets),
            updated_replicas=sum(each.status.replicas for each in sets if each.revision.name == native.revision),
            available_replicas=sum(each.status.available_replicas for each in sets),
        ),
    )
    return View(
        workload=workload,
        revisions=tuple(each.revision for each in sets),
        pods=tuple(_pod(each, number, ready) for each in native.sets.values() for number, ready in each.pods.items()),
        template_digest=native.revision,
        digests={each: each for each in native.sets},
        live=True,
        hold=HOLD,
    )


def _replica_set(each: NativeReplicaSet) -> ReplicaSet:
    return ReplicaSet(
        metadata=ObjectMeta(
            name=f"web-{each.revision}",
            namespace="shop",
            uid=f"uid-{each.revision}",
            creation_timestamp=f"2026-01-01T00:00:{each.created:02}Z",
            labels={marks.POD_TEMPLATE_HASH: each.revision},
            annotations={
                "deployment.kubernetes.io/revision": str(each.created + 1),
                "deployment.kubernetes.io/desired-replicas": str(each.desired),
            },
        ),
        spec=ReplicaSetSpec(replicas=each.told),
        status=ReplicaSetStatus(replicas=len(each.pods), available_replicas=each.available),
    )


def _pod(owner: NativeReplicaSet, number: int, ready: bool) -> Pod:
    key = (owner.revision, number, ready)
    if key not in _PODS:
        name = f"web-{owner.revision}-{number}"
        condition = Condition(type="Ready", status="True" if ready else "False", last_transition_time=LONG_AGO)
        _PODS[key] = Pod(
            metadata=ObjectMeta(
                name=name,
                namespace="shop",
                uid=name,
                labels={marks.POD_ROLLOUT_ID: "r1", marks.POD_BATCH: "1", marks.POD_TEMPLATE_HASH: owner.revision},
                owner_references=(OwnerReference(uid=f"uid-{owner.revision}", controller=True),),
            ),
            status=PodStatus(phase="Running", conditions=(condition,)),
        )
    return _PODS[key]


class Written:
    """The Deployment's own fields, as our patches write them."""

    def __init__(self, native: NativeDeployment) -> None:
        self.native = native
        self.annotations: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.strategy: dict[str, Any] = {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": native.budget.surge, "maxUnavailable": native.budget.unavailable},
        }
        self.fields: dict[str, Any] = {"min_ready_seconds": None, "progress_deadline_seconds": 600, "paused": None}
        self.patches = 0

    def view(self) -> View:
        return view_of(self.native, self)

    def patch(self, body: dict[str, Any], revision: str | None = None) -> None:
        self.patches += 1
        _merge(self.annotations, body["metadata"]["annotations"])
        _merge(self.labels, body["metadata"].get("labels", {}))
        spec = body["spec"]
        self.fields["min_ready_seconds"] = spec["minReadySeconds"]
        self.fields["progress_deadline_seconds"] = spec["progressDeadlineSeconds"]
        self.fields["paused"] = spec["paused"]
        self.strategy = spec["strategy"]
        rolling = self.strategy.get("rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "25%"})
        self.native.budget = Budget(rolling["maxSurge"], rolling["maxUnavailable"])
        assert rolling["maxSurge"] not in {0, "0%"} or rolling["maxUnavailable"] not in {0, "0%"}, "would be refused"
        self.native.held = spec["minReadySeconds"] == HOLD_MIN_READY_S
        if revision is not None:
            self.native.revision = revision


def _merge(there: dict[str, str], changes: dict[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            there.pop(name, None)
        else:
            there[name] = value


Check = Callable[[NativeDeployment], None]
