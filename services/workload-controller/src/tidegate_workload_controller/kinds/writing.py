"""Writing to a Deployment and its pods: one patch per decision, always on the very version that was looked at.

Used by `kinds.deployment`. The order's lease is proved right before each write; a stale version is the API server's to
refuse, and the loop's to look at again.
"""

import asyncio
from typing import Any

from tidegate_chassis.errors import Conflict, Transient
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from tidegate_workload_controller.actions import Action, LabelPods, Patch, PutBack, Report, Touch
from tidegate_workload_controller.kinds.protocol import Ensure
from tidegate_workload_controller.kinds.reading import Reading, raw_template
from tidegate_workload_controller.patches import Body, labelling, operations
from tidegate_workload_controller.seen import View
from tidegate_workload_controller.template import Json, change_patch, digest, without_hash


class Writer:
    """The writes of one Deployment."""

    def __init__(self, client: KubernetesClient, namespace: str, name: str) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name

    async def write(self, action: Action, view: View, reading: Reading, ensure: Ensure) -> bytes | None:
        """Carry an action out; answers with the Deployment as it is afterwards, where it was patched."""
        match action:
            case Patch(body=body):
                return await self._patch(body, view, ensure)
            case Touch():
                return await self._touch(action, view, reading, ensure)
            case PutBack():
                return await self._put_back(action, view, ensure)
            case LabelPods():
                await self._label(action, ensure)
            case Report():
                raise AssertionError("facts are the loop's to report")
        return None

    async def _patch(self, body: Body, view: View, ensure: Ensure) -> bytes | None:
        return await self._send(operations(body, view.deployment), PatchStyle.JSON, ensure)

    async def _send(self, body: Any, style: PatchStyle, ensure: Ensure, *, dry_run: bool = False) -> bytes | None:
        if not dry_run:
            ensure()
        answer = await self._client.patch(DEPLOYMENTS, self._namespace, self._name, body, style=style, dry_run=dry_run)
        return None if isinstance(answer, NotFound) else answer

    async def _touch(self, action: Touch, view: View, reading: Reading, ensure: Ensure) -> bytes | None:
        """Change and hold in one patch, tried first: what comes out must be what was approved."""
        if action.change is None:
            if view.template_digest != action.template_digest:
                reading.refused_generation = view.deployment.metadata.generation
                return None
            return await self._patch(action.body, view, ensure)
        body = _strategic(action.body, change_patch(reading.template, action.change), view)
        tried = await self._send(body, PatchStyle.STRATEGIC, ensure, dry_run=True)
        if tried is None:
            return None
        if digest(raw_template(tried)) != action.template_digest:
            reading.refused_generation = view.deployment.metadata.generation
            return None
        return await self._send(body, PatchStyle.STRATEGIC, ensure)

    async def _put_back(self, action: PutBack, view: View, ensure: Ensure) -> bytes | None:
        """The template of a ReplicaSet that still exists, as it is there."""
        names = [each.metadata.name for each in view.replica_sets if each.revision == action.revision]
        found = await self._client.get(REPLICA_SETS, self._namespace, names[0]) if names else None
        if not isinstance(found, bytes):
            raise Transient(f"the ReplicaSet of revision {action.revision} has just gone")
        template = without_hash(raw_template(found))
        return await self._patch({**action.body, "spec": {**action.body["spec"], "template": template}}, view, ensure)

    async def _label(self, action: LabelPods, ensure: Ensure) -> None:
        async def label(name: str, uid: str) -> None:
            ensure()
            try:
                await self._client.patch(PODS, self._namespace, name, labelling(uid, action), style=PatchStyle.JSON)
            except Conflict:
                return  # a namesake: the pod that was meant is gone, and its successor is seen as a new one

        await asyncio.gather(*(label(name, uid) for name, uid in action.pods))


def _strategic(body: Body, template: Json, view: View) -> Body:
    """A change is a strategic-merge patch of the template, so the whole patch has to be one."""
    metadata = view.deployment.metadata
    return {
        "metadata": {**body["metadata"], "resourceVersion": metadata.resource_version},
        "spec": {**body["spec"], "template": template},
    }
