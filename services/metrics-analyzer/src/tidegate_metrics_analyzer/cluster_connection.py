"""The analyzer's one connection to the Kubernetes API, made when something is first asked of it.

Opened by `app`, and shared by `cluster_templates` and `jobs.runner`: without a cluster the service runs, and only
analyses that need one are inconclusive.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from tidegate_chassis.kubernetes.client import KubernetesClient

FIELD_MANAGER: Final = "tidegate-metrics-analyzer"


class ClusterConnection:
    def __init__(self, kubeconfig: str | None) -> None:
        self._kubeconfig = kubeconfig
        self._client: KubernetesClient | None = None
        self._connecting = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def opened(cls, kubeconfig: str | None) -> AsyncIterator[Self]:
        connection = cls(kubeconfig)
        try:
            yield connection
        finally:
            if connection._client is not None:
                await connection._client.close()

    async def client(self) -> KubernetesClient:
        """Raises `Permanent` where there is no cluster to reach."""
        async with self._connecting:
            if self._client is None:
                self._client = await KubernetesClient.connect(self._kubeconfig, field_manager=FIELD_MANAGER)
            return self._client
