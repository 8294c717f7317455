"""What the operator writes to the API server: a Rollout's status, whole, its finalizer, and the hash of its plan.

Called by `reconcile`. Every write names the version that it was decided on, and is refused where somebody wrote
meanwhile: so a user's approval is read as a command before it is written over, never lost.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_rollout_operator.kruise import FINALIZER, PLAN_HASH, ROLLOUTS, Rollout


class Writer:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def status(self, rollout: Rollout, status: dict[str, Any]) -> None:
        """Raises `Conflict` where the Rollout is no longer as it was read."""
        body = [_as_read(rollout), {"op": "add", "path": "/status", "value": status}]
        await self._patch(rollout, body, subresource="status")

    async def hold(self, rollout: Rollout, plan: str) -> None:
        """Keeps the Rollout from vanishing before what it guards was given back, and notes its plan as Kruise does."""
        metadata = rollout.metadata
        finalizers = dict.fromkeys([*metadata.finalizers, FINALIZER])
        named = {PLAN_HASH: plan} if plan or PLAN_HASH in metadata.annotations else {}
        body = [
            _as_read(rollout),
            {"op": "add", "path": "/metadata/finalizers", "value": [*finalizers]},
            {"op": "add", "path": "/metadata/annotations", "value": metadata.annotations | named},
        ]
        await self._patch(rollout, body)

    async def let_go(self, rollout: Rollout) -> None:
        finalizers = [each for each in rollout.metadata.finalizers if each != FINALIZER]
        body = [_as_read(rollout), {"op": "add", "path": "/metadata/finalizers", "value": finalizers}]
        await self._patch(rollout, body)

    async def _patch(self, rollout: Rollout, body: list[dict[str, Any]], *, subresource: str = "") -> None:
        metadata = rollout.metadata
        await self._client.patch(
            ROLLOUTS, metadata.namespace, metadata.name, body, style=PatchStyle.JSON, subresource=subresource
        )


def _as_read(rollout: Rollout) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": rollout.metadata.resource_version}
