"""What the operator writes to the API server of a Rollout: its status, whole, and its finalizer.

Called by `reconcile`. Every write names the version that it was decided on (`replacing`), so that a user's approval is
read as a command before it is written over, never lost.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_rollout_operator.kruise import FINALIZER, ROLLOUTS, Rollout
from tidegate_rollout_operator.replacing import replace_part


class Writer:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def status(self, rollout: Rollout, status: dict[str, Any]) -> None:
        """Raises `Conflict` where the Rollout is no longer as it was read."""
        await replace_part(self._client, ROLLOUTS, rollout.metadata, "/status", status)

    async def hold(self, rollout: Rollout) -> None:
        """Keeps the Rollout from vanishing before what it guards was given back."""
        await self._finalizers(rollout, [*rollout.metadata.finalizers, FINALIZER])

    async def let_go(self, rollout: Rollout) -> None:
        await self._finalizers(rollout, [each for each in rollout.metadata.finalizers if each != FINALIZER])

    async def _finalizers(self, rollout: Rollout, finalizers: list[str]) -> None:
        await replace_part(self._client, ROLLOUTS, rollout.metadata, "/metadata/finalizers", finalizers)
