"""Which kinds of workloads can be held: those that plugins are installed for, and any that looks like a StatefulSet.

Made once in `app`; `holder` opens an order's workload here, and refuses it with what is said here where it can't.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.protocol import HeldWorkload, WorkloadKind


class Discovery(Protocol):
    """As much of the Kubernetes client as is needed here."""

    async def discover(self, api_version: str, kind: str) -> Resource | NotFound: ...


class Likes(Protocol):
    """What holds a kind without a plugin of its own."""

    def of(self, resource: Resource) -> WorkloadKind: ...


class Catalogue:
    """Args:
    kinds: Plugins by lower-case kind and group, as in a workload's key.
    likes: Holds every other kind, as far as it can.
    discovery: Tells what the cluster serves.
    """

    def __init__(self, kinds: Mapping[str, Any], likes: Likes, discovery: Discovery) -> None:
        self._kinds = kinds
        self._likes = likes
        self._discovery = discovery

    async def open(self, key: WorkloadKey, reference: WorkloadReference) -> HeldWorkload | Problem:
        served = await self._discovery.discover(reference.api_version, reference.kind)
        if isinstance(served, NotFound) or not served.namespaced:
            return self._unserved(reference)
        kind: WorkloadKind = self._kinds.get(key.kind) or self._likes.of(served)
        return kind.open(key.namespace, key.name)

    async def anatomy(self, key: WorkloadKey, reference: WorkloadReference) -> Anatomy | Problem:
        """What a kind is made of, for who holds its workloads outside a rollout."""
        served = await self._discovery.discover(reference.api_version, reference.kind)
        if isinstance(served, NotFound) or not served.namespaced:
            return self._unserved(reference)
        found = getattr(self._kinds.get(key.kind) or self._likes.of(served), "anatomy", None)
        return found if isinstance(found, Anatomy) else self._untold(reference)

    async def served(self) -> list[Resource]:
        """The resources of the kinds that are installed here, as far as they tell and the cluster serves them."""
        anatomies = [kind.anatomy for kind in self._kinds.values() if hasattr(kind, "anatomy")]
        found = [await self._discovery.discover(each.resource.api_version, each.resource.kind) for each in anatomies]
        return [each for each in found if not isinstance(each, NotFound)]

    def _untold(self, reference: WorkloadReference) -> Problem:
        return Problem(
            field="workload.kind",
            value=printable(f"{reference.api_version} {reference.kind}"),
            rule="a kind whose plugin tells its anatomy, so that a change can be held at admission",
            remedy="Have the plugin's kind name its `anatomy`, or roll out by requests.",
        )

    def _unserved(self, reference: WorkloadReference) -> Problem:
        return Problem(
            field="workload.kind",
            value=printable(f"{reference.api_version} {reference.kind}"),
            rule="a kind of workload in a namespace, that the cluster serves",
            remedy=f"Use one of {', '.join(sorted(self._kinds))}, or a kind that is like a StatefulSet.",
        )
