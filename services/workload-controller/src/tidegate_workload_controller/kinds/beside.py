"""Writing the workload beside a workload: made, made again, scaled, removed.

Used by `held`; `extra` says what it looks like. Every write is tried first where a template comes out of it, since only
the approved one may; and every write but the first is made on exactly what was seen.
"""

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import REPLICA_SETS
from tidegate_contracts.orders import ApplyBatch, PrepareWorkload
from tidegate_workload_controller.actions import MakeBeside, OnBeside, Patch, ScaleBeside
from tidegate_workload_controller.extra import (
    Json,
    extra_name,
    manifest,
    new_template,
    rewriting,
    scaling,
    short_name,
    with_additions,
    without_additions,
)
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.made import Made
from tidegate_workload_controller.kinds.protocol import Ensure
from tidegate_workload_controller.kinds.reading import Reading, raw_template
from tidegate_workload_controller.kinds.writing import Writer
from tidegate_workload_controller.marks import BESIDE, TEMPLATE_DIGEST
from tidegate_workload_controller.seen import ReplicaSet, Sight, Workload
from tidegate_workload_controller.template import digest

Making = ApplyBatch | PrepareWorkload


class BesideWriter:
    """The writes beside one workload, which is read by `reading` and written by `own`."""

    def __init__(
        self, client: KubernetesClient, anatomy: Anatomy, namespace: str, name: str, *, own: Writer, reading: Reading
    ) -> None:
        self._client = client
        self._own = own
        self._reading = reading
        self._anatomy = anatomy
        self._namespace = namespace
        self._label = short_name(name)
        self._name = extra_name(name)
        self._made = Made(client, anatomy.resource, namespace, self._name)

    async def tried(self, order: Making, owner: Workload, extra: Workload | None) -> tuple[Json, str]:
        """The object as it would be written for one pod, and the digest of its template without what is added to it."""
        base = new_template(self._reading.template, order)
        whole = self._whole(order, owner, base)
        answer = raw_template(await self._send(whole, extra, None))
        whole["metadata"]["annotations"][TEMPLATE_DIGEST] = digest(answer)
        return whole, digest(without_additions(answer, base, order.canary_metadata))

    async def has_left(self) -> bool:
        """Whether a former one, which is gone, has left a ReplicaSet that goes after it."""
        if self._anatomy.revisions is not REPLICA_SETS:
            return False
        selector = f"{BESIDE}={self._label}"
        page = await self._client.list_all(REPLICA_SETS, self._namespace, label_selector=selector)
        owners = [owner for raw in page.items for owner in decode(raw, ReplicaSet).metadata.owner_references]
        return any(owner.controller and owner.name == self._name for owner in owners)

    async def write(self, action: OnBeside, sight: Sight, ensure: Ensure) -> bytes | None:
        """Carry an action out; answers with the workload beside as it is afterwards, where it is."""
        if isinstance(action, MakeBeside):
            return await self._make(action, sight, ensure)
        assert sight.extra is not None, "it was decided about"
        seen = sight.extra.workload
        ensure()
        if isinstance(action, ScaleBeside):
            return await self._made.patch(scaling(seen, action.replicas, action.order))
        await self._made.remove(seen)
        return None

    async def _make(self, action: MakeBeside, sight: Sight, ensure: Ensure) -> bytes | None:
        """Only with the approved template: where another comes out, the workload has changed since it was approved."""
        assert sight.own is not None, "it was decided about"
        seen = sight.extra.workload if sight.extra is not None else None
        whole, outcome = await self.tried(action.order, sight.own.workload, seen)
        if outcome != action.order.template_digest:
            self._reading.refused_generation = sight.own.workload.metadata.generation
            return None
        if action.marks is not None:
            marked = await self._own.write(Patch(action.marks), sight.own, self._reading, ensure)
            if marked is None:
                return None
            self._reading.take(marked)
        whole["spec"]["replicas"] = action.replicas
        return await self._send(whole, seen, ensure)

    def _whole(self, order: Making, owner: Workload, base: Json) -> Json:
        assert self._anatomy.beside is not None, "only asked for where it is allowed"
        spec = {
            name: value for name, value in self._reading.spec.items() if name not in self._anatomy.beside.not_copied
        }
        template = with_additions(base, owner.metadata.name, order.canary_metadata)
        return manifest(self._anatomy.resource, owner, {**spec, "template": template, "replicas": 1}, order)

    async def _send(self, whole: Json, seen: Workload | None, ensure: Ensure | None) -> bytes:
        """Without `ensure` it is only tried."""
        if ensure is not None:
            ensure()
        if seen is not None:
            return await self._made.patch(rewriting(seen, whole), dry_run=ensure is None)
        return await self._made.create(whole, dry_run=ensure is None)
