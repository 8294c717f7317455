"""Writing to a workload and its pods: one patch per decision, always on the very version that was looked at.

Used by `held`. The order's lease is proved right before each write; a stale version is the API server's to
refuse, and the loop's to look at again.
"""

import asyncio
from typing import Any

from tidegate_chassis.errors import Conflict, Transient
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.ownership import disowning
from tidegate_chassis.kubernetes.resources import PODS
from tidegate_contracts.rollout import Change
from tidegate_workload_controller.actions import DeletePods, Disown, LabelPods, OnWorkload, Patch, PutBack, Touch
from tidegate_workload_controller.kinds.anatomy import Anatomy
from tidegate_workload_controller.kinds.protocol import Ensure
from tidegate_workload_controller.kinds.reading import Reading, raw_template, recorded_template
from tidegate_workload_controller.marks import FIELD_MANAGER
from tidegate_workload_controller.patches import Body, as_seen, labelling, operations, recorded
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.template import Json, change_patch, changed, digest, without_hash


class Writer:
    """The writes of one workload."""

    def __init__(self, client: KubernetesClient, anatomy: Anatomy, namespace: str, name: str) -> None:
        self._client = client
        self._anatomy = anatomy
        self._namespace = namespace
        self._name = name

    async def write(self, action: OnWorkload, view: View, reading: Reading, ensure: Ensure) -> bytes | None:
        """Carry an action out; answers with the workload as it is afterwards, where it was patched."""
        match action:
            case Patch(body=body):
                return await self._patch(body, view, ensure)
            case Disown(entries=entries):
                return await self._send(
                    [*as_seen(view.workload), *disowning(entries, FIELD_MANAGER)], PatchStyle.JSON, ensure
                )
            case Touch():
                return await self._touch(action, view, reading, ensure)
            case PutBack():
                return await self._put_back(action, view, ensure)
            case LabelPods():
                await self._label(action, ensure)
            case DeletePods():
                await self._delete(action, ensure)
        return None

    async def _patch(self, body: Body, view: View, ensure: Ensure, template_digest: str | None = None) -> bytes | None:
        body = recorded(body, view.workload, template_digest or view.template_digest)
        return await self._send(operations(body, view.workload), PatchStyle.JSON, ensure)

    async def _send(self, body: Any, style: PatchStyle, ensure: Ensure, *, dry_run: bool = False) -> bytes | None:
        if not dry_run:
            ensure()
        resource = self._anatomy.resource
        answer = await self._client.patch(resource, self._namespace, self._name, body, style=style, dry_run=dry_run)
        return None if isinstance(answer, NotFound) else answer

    async def _touch(self, action: Touch, view: View, reading: Reading, ensure: Ensure) -> bytes | None:
        """Change and hold in one patch, tried first: what comes out must be what was approved."""
        if action.change is None:
            if view.template_digest != action.template_digest:
                reading.refused_generation = view.workload.metadata.generation
                return None
            return await self._patch(action.body, view, ensure)
        recording = recorded(action.body, view.workload, action.template_digest)
        body, style = self._changing(recording, action.change, reading.template, view)
        tried = await self._send(body, style, ensure, dry_run=True)
        if tried is None:
            return None
        if digest(raw_template(tried)) != action.template_digest:
            reading.refused_generation = view.workload.metadata.generation
            return None
        return await self._send(body, style, ensure)

    def _changing(self, body: Body, change: Change, template: Json, view: View) -> tuple[Any, PatchStyle]:
        """A change is a strategic-merge patch of the template: the API server's to merge, or ours where it can't."""
        if self._anatomy.merges_strategically:
            return _strategic(body, change_patch(template, change), view), PatchStyle.STRATEGIC
        spec = {**body["spec"], "template": changed(template, change)}
        return operations({**body, "spec": spec}, view.workload), PatchStyle.JSON

    async def _put_back(self, action: PutBack, view: View, ensure: Ensure) -> bytes | None:
        """The template of a revision that is still kept, as it is there."""
        names = [each.object_name for each in view.revisions if each.name == action.revision]
        found = await self._client.get(self._anatomy.revisions, self._namespace, names[0]) if names else None
        if not isinstance(found, bytes):
            raise Transient(f"the template of revision {action.revision} has just gone")
        template = without_hash(recorded_template(found, self._anatomy))
        body = {**action.body, "spec": {**action.body["spec"], "template": template}}
        return await self._patch(body, view, ensure, digest(template))

    async def _label(self, action: LabelPods, ensure: Ensure) -> None:
        async def label(name: str, uid: str) -> None:
            ensure()
            try:
                await self._client.patch(PODS, self._namespace, name, labelling(uid, action), style=PatchStyle.JSON)
            except Conflict:
                return  # a namesake: the pod that was meant is gone, and its successor is seen as a new one

        await asyncio.gather(*(label(name, uid) for name, uid in action.pods))

    async def _delete(self, action: DeletePods, ensure: Ensure) -> None:
        async def delete(name: str, uid: str) -> None:
            ensure()
            try:
                await self._client.delete(PODS, self._namespace, name, uid=uid)
            except Conflict:
                return  # a namesake, made meanwhile: it was not meant

        await asyncio.gather(*(delete(name, uid) for name, uid in action.pods))


def _strategic(body: Body, template: Json, view: View) -> Body:
    """A change is a strategic-merge patch of the template, so the whole patch has to be one."""
    metadata = view.workload.metadata
    return {
        "metadata": {**body["metadata"], "resourceVersion": metadata.resource_version},
        "spec": {**body["spec"], "template": template},
    }
