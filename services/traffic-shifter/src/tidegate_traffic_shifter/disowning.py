"""The last write to whatever we wrote to: our name goes from the fields that are the user's own again.

Called by `services` and by routers that write the user's objects, when these carry nothing of ours any more: once for
each order, after the write that gave back as well as where a copy that died had done that already. The API server calls
whoever changes a field its owner, so that it can't be the same write.
"""

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.ownership import Owned, disowning, own_entries
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_traffic_shifter.fence import Fence
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.outcome import Outcome, Pending, Settled


async def disown(client: KubernetesClient, resource: Resource, answer: bytes, fence: Fence) -> Outcome:
    """Args:
    client: Where the object is written.
    resource: Its kind.
    answer: The object, as it was just read or written.
    fence: Proof that the order is ours.
    """
    metadata = decode(answer, Owned).metadata
    entries = own_entries(metadata.managed_fields, FIELD_MANAGER)
    called = f"{resource.kind} {metadata.name}"
    if entries:
        unchanged = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.resource_version}
        body = [unchanged, *disowning(entries, FIELD_MANAGER)]
        fence.ensure()
        try:
            await client.patch(resource, metadata.namespace, metadata.name, body, style=PatchStyle.JSON)
        except Conflict:
            # Most likely the gateway's word on what was just written.
            return Pending(f"{called} changed meanwhile", again_s=0.0)
    fence.disowned(called)
    return Settled()
