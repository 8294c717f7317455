"""One part of an object written whole, onto the version that was read: what every write of the operator's is.

Called by `writing`, `mirroring` and `recording`. Where somebody wrote meanwhile it is refused, and what they wrote is
read before it is written over.
"""

from typing import Any

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound, ObjectMeta
from tidegate_chassis.kubernetes.resources import Resource


async def replace_part(
    client: KubernetesClient, resource: Resource, standing: ObjectMeta, path: str, value: Any
) -> bytes | NotFound:
    """The object after the write.

    Args:
        client: Who writes.
        resource: Of which kind it is.
        standing: Its metadata as it was read.
        path: Which part: `/spec`, `/status`, `/metadata/finalizers`.
        value: What is to stand there.

    Raises:
        Conflict: It is no longer as it was read.
    """
    body = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": standing.resource_version},
        {"op": "add", "path": path, "value": value},
    ]
    subresource = "status" if path == "/status" else ""
    return await client.patch(
        resource, standing.namespace, standing.name, body, style=PatchStyle.JSON, subresource=subresource
    )
