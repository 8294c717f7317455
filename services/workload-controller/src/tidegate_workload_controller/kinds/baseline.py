"""Reading and writing the fresh baseline beside a Deployment. Used by `held`; `baseline` says what it looks like."""

from typing import Any

from tidegate_chassis.errors import Conflict, Transient
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import REPLICA_SETS
from tidegate_contracts.names import baseline_name
from tidegate_workload_controller.actions import MakeBaseline, OnBaseline, ScaleBaseline
from tidegate_workload_controller.baseline import manifest, scaling
from tidegate_workload_controller.kinds.protocol import Ensure
from tidegate_workload_controller.kinds.reading import raw_template
from tidegate_workload_controller.seen import ReplicaSet, Sight, View


class BaselineWriter:
    """The baseline of one workload."""

    def __init__(self, client: KubernetesClient, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = baseline_name(name)

    async def find(self) -> ReplicaSet | None:
        """As the API server has it now."""
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
        seen = sight.baseline
        ensure()
        if isinstance(action, ScaleBaseline):
            await self._patch(scaling(seen, action.pods))
            return
        await self._client.delete(
            REPLICA_SETS,
            self._namespace,
            self._name,
            uid=seen.metadata.uid,
            propagation="Foreground",  # it stays to be looked at until its pods have gone
        )

    async def _make(self, action: MakeBaseline, own: View, ensure: Ensure) -> None:
        order = action.order
        names = [each.object_name for each in own.revisions if each.name == order.stable_revision]
        found = await self._client.get(REPLICA_SETS, self._namespace, names[0]) if names else None
        if not isinstance(found, bytes):
            raise Transient(f"the template of revision {order.stable_revision} has just gone")
        ensure()
        whole = manifest(order, own.workload, raw_template(found), action.pods)
        await self._client.create(REPLICA_SETS, self._namespace, whole, name=self._name)

    async def _patch(self, operations: Any) -> None:
        answer = await self._client.patch(
            REPLICA_SETS, self._namespace, self._name, operations, style=PatchStyle.JSON, dry_run=False
        )
        if isinstance(answer, NotFound):
            raise Conflict("the baseline has just gone")
