"""What the operator writes to the API server of a Rollout: its status, whole, its finalizer, and the hash of its plan.

Called by `reconcile`. Every write names the version that it was decided on (`replacing`), so that a user's approval is
read as a command before it is written over, never lost.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_rollout_operator.kruise import FINALIZER, PLAN_HASH, ROLLOUTS, Rollout
from tidegate_rollout_operator.replacing import replace_parts


class Writer:
    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def status(self, rollout: Rollout, status: dict[str, Any]) -> None:
        """Raises `Conflict` where the Rollout is no longer as it was read."""
        await replace_parts(self._client, ROLLOUTS, rollout.metadata, {"/status": status})

    async def hold(self, rollout: Rollout, plan: str) -> None:
        """Keeps the Rollout from vanishing before what it guards was given back, and notes its plan as Kruise does."""
        metadata = rollout.metadata
        finalizers = [*dict.fromkeys([*metadata.finalizers, FINALIZER])]
        named = {PLAN_HASH: plan} if plan or PLAN_HASH in metadata.annotations else {}
        parts = {"/metadata/finalizers": finalizers, "/metadata/annotations": metadata.annotations | named}
        await replace_parts(self._client, ROLLOUTS, metadata, parts)

    async def let_go(self, rollout: Rollout) -> None:
        finalizers = [each for each in rollout.metadata.finalizers if each != FINALIZER]
        await replace_parts(self._client, ROLLOUTS, rollout.metadata, {"/metadata/finalizers": finalizers})
