"""Parts of an object written whole, onto the version that was read: what every write of the operator's is.

Called by all who write: `writing`, `mirroring`, `recording`, `holding`, `routing_loop`. Where somebody wrote meanwhile
it is refused, and what they wrote is read before it is written over.
"""

from collections.abc import Mapping
from typing import Any, Final

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, ObjectMeta
from tidegate_chassis.kubernetes.resources import Resource

STATUS: Final = "/status"


async def replace_parts(
    client: KubernetesClient, resource: Resource, standing: ObjectMeta, parts: Mapping[str, Any]
) -> bytes | NotFound:
    """The object after the write.

    Args:
        client: Who writes.
        resource: Of which kind it is.
        standing: Its metadata as it was read.
        parts: What is to stand where: in `/spec`, in `/metadata/finalizers`; in `/status` alone.

    Raises:
        Conflict: It is no longer as it was read.
    """
    body = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": standing.resource_version},
        *({"op": "add", "path": path, "value": value} for path, value in parts.items()),
    ]
    subresource = "status" if STATUS in parts else ""
    return await client.patch(
        resource, standing.namespace, standing.name, body, style=PatchStyle.JSON, subresource=subresource
    )
