"""One object that we made for a workload: changed as it was seen, and removed together with its pods.

The base of what `beside` and `baseline` write.
"""

from typing import Any

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import KubernetesObject, NotFound
from tidegate_chassis.kubernetes.resources import Resource


class Made:
    def __init__(self, client: KubernetesClient, resource: Resource, namespace: str, name: str) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._name = name

    async def create(self, whole: dict[str, Any], *, dry_run: bool = False) -> bytes:
        return await self._client.create(self._resource, self._namespace, whole, name=self._name, dry_run=dry_run)

    async def patch(self, operations: list[dict[str, Any]], *, dry_run: bool = False) -> bytes:
        """Change it by a JSON patch that tests what was seen.

        Raises:
            Conflict: It has gone, or is not what was seen.
        """
        answer = await self._client.patch(
            self._resource, self._namespace, self._name, operations, style=PatchStyle.JSON, dry_run=dry_run
        )
        if isinstance(answer, NotFound):
            raise Conflict(f"{self._resource.kind} {self._name}, made for its workload, has just gone")
        return answer

    async def remove(self, seen: KubernetesObject) -> None:
        """It stays to be looked at until its pods have gone."""
        uid = seen.metadata.uid
        await self._client.delete(self._resource, self._namespace, self._name, uid=uid, propagation="Foreground")
