"""Reading and writing the fresh baseline beside a Deployment. Used by `held`; `baseline` says what it looks like."""

from collections.abc import Callable

from tidegate_chassis.errors import Transient
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import REPLICA_SETS
from tidegate_contracts.names import baseline_name
from tidegate_contracts.orders import ApplyBatch, ReleaseWorkload
from tidegate_workload_controller.actions import MakeBaseline, OnBaseline, ScaleBaseline
from tidegate_workload_controller.baseline import manifest, scaling
from tidegate_workload_controller.kinds.made import Made
from tidegate_workload_controller.kinds.protocol import Ensure, HeldOrder
from tidegate_workload_controller.kinds.reading import raw_template
from tidegate_workload_controller.seen import ReplicaSet, Sight, View

Cached = Callable[[str, str], ReplicaSet | None]
"""Finds a baseline in the caches, by its workload's namespace and name."""


class Baseline:
    """The baseline of one workload; never any where there is no `cached`, since its kind can have none."""

    def __init__(self, client: KubernetesClient, namespace: str, name: str, cached: Cached | None) -> None:
        self._client = client
        self._namespace = namespace
        self._workload = name
        self._name = baseline_name(name)
        self._cached = cached
        self._made = Made(client, REPLICA_SETS, namespace, self._name)
        self._is_wanted = False
        """Whether the order makes one, or has to leave none: then the caches don't say whether there is one."""

    def remember(self, order: HeldOrder) -> None:
        self._is_wanted = isinstance(order, ReleaseWorkload) or (isinstance(order, ApplyBatch) and order.baseline)

    def look(self) -> ReplicaSet | None:
        """As the caches have it."""
        return self._cached(self._namespace, self._workload) if self._cached is not None else None

    async def find(self) -> ReplicaSet | None:
        """As the API server has it now, where there may be one."""
        if self._cached is None or not (self._is_wanted or self.look() is not None):
            return None
        found = await self._client.read(REPLICA_SETS, self._namespace, self._name, ReplicaSet)
        return None if isinstance(found, NotFound) else found

    async def write(self, action: OnBaseline, sight: Sight, ensure: Ensure) -> None:
        """Carry an action out.

        Raises:
            Conflict: It is not what was looked at.
            Transient: The stable revision's template has just gone.
        """
        assert sight.own is not None, "it was decided about"
        if isinstance(action, MakeBaseline):
            await self._make(action, sight.own, ensure)
            return
        assert sight.baseline is not None, "it was decided about"
        ensure()
        if isinstance(action, ScaleBaseline):
            await self._made.patch(scaling(sight.baseline, action.pods))
        else:
            await self._made.remove(sight.baseline)

    async def _make(self, action: MakeBaseline, own: View, ensure: Ensure) -> None:
        order = action.order
        names = [each.object_name for each in own.revisions if each.name == order.stable_revision]
        found = await self._client.get(REPLICA_SETS, self._namespace, names[0]) if names else None
        if not isinstance(found, bytes):
            raise Transient(f"the template of revision {order.stable_revision} has just gone")
        ensure()
        await self._made.create(manifest(order, own.workload, raw_template(found), action.pods))
