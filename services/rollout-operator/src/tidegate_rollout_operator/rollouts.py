"""The Rollouts of the cluster as the reflector sees them, and which of them speaks for a workload.

Made by `app`; asked by `reconcile`, `loop` and `sweep`. Two Rollouts for one workload can't both count: the older does.
"""

from collections.abc import Iterator

from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.store import Key
from tidegate_contracts import names
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.kruise import Rollout

BY_WORKLOAD = "workload"


def workloads_of(rollout: Rollout) -> Iterator[str]:
    """The index: under which workload a Rollout is found; the cluster is the one that is followed."""
    if (key := _key(rollout, "")) is not None:
        yield str(key)


def _key(rollout: Rollout, cluster: str) -> WorkloadKey | None:
    """None where the reference names nothing that could exist: `translate` says what is wrong with it."""
    reference = rollout.workload
    named = names.is_name(reference.name) and names.is_kind(reference.kind)
    return rollout.key(cluster) if named and names.is_api_version(reference.api_version) else None


class Rollouts:
    def __init__(self, reflector: Reflector[Rollout], cluster: str) -> None:
        self._reflector = reflector
        self._cluster = cluster

    def get(self, key: Key) -> Rollout | None:
        return self._reflector.store.get(*key)

    def all(self) -> list[Rollout]:
        return self._reflector.store.all()

    def within(self, namespace: str) -> list[Rollout]:
        """Those of a namespace, until they are gone."""
        return [each for each in self.all() if each.metadata.namespace == namespace]

    def key(self, rollout: Rollout) -> WorkloadKey | None:
        return _key(rollout, self._cluster)

    def of(self, key: WorkloadKey) -> list[Rollout]:
        """Those that name this workload."""
        return self._reflector.store.by_index(BY_WORKLOAD, str(key._replace(cluster="")))

    def first(self, rollout: Rollout) -> Rollout:
        """The one that counts among those of the same workload: of those in force, the oldest."""
        key = self.key(rollout)
        found = [each for each in self.of(key) if not (each.leaving or each.spec.disabled)] if key is not None else []
        return min(found, key=_age, default=rollout)

    def is_first(self, rollout: Rollout) -> bool:
        """By who it is: a newer version of it may have come meanwhile."""
        first = self.first(rollout).metadata.uid
        return rollout.leaving or rollout.spec.disabled or first == rollout.metadata.uid


def _age(rollout: Rollout) -> tuple[str, str]:
    return (rollout.metadata.creation_timestamp or "", rollout.metadata.name)
