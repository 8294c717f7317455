"""What the operator writes to the API server: a Rollout's status, whole, and its finalizer.

Called by `reconcile`. Every write names the version that it was decided on, and is refused where somebody wrote
meanwhile: so a user's approval is read as a command before it is written over, never lost.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_rollout_operator.kruise import FINALIZER, ROLLOUTS, Rollout


class Writer:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def status(self, rollout: Rollout, status: dict[str, Any]) -> None:
        """Raises `Conflict` where the Rollout is no longer as it was read."""
        body = [_as_read(rollout), {"op": "add", "path": "/status", "value": status}]
        await self._patch(rollout, body, subresource="status")

    async def hold(self, rollout: Rollout) -> None:
        """Keeps the Rollout from vanishing before what it guards was given back."""
        await self._finalizers(rollout, [*rollout.metadata.finalizers, FINALIZER])

    async def let_go(self, rollout: Rollout) -> None:
        await self._finalizers(rollout, [each for each in rollout.metadata.finalizers if each != FINALIZER])

    async def _finalizers(self, rollout: Rollout, finalizers: list[str]) -> None:
        await self._patch(
            rollout, [_as_read(rollout), {"op": "add", "path": "/metadata/finalizers", "value": finalizers}]
        )

    async def _patch(self, rollout: Rollout, body: list[dict[str, Any]], *, subresource: str = "") -> None:
        metadata = rollout.metadata
        await self._client.patch(
            ROLLOUTS, metadata.namespace, metadata.name, body, style=PatchStyle.JSON, subresource=subresource
        )


def _as_read(rollout: Rollout) -> dict[str, Any]:
    return {"op": "test", "path": "/metadata/resourceVersion", "value": rollout.metadata.resource_version}
