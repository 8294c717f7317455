"""The autoscalers of one workload, read and written. Used by `held`; what is written is told by `autoscalers`."""

import asyncio

from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import HORIZONTAL_POD_AUTOSCALERS, Resource
from tidegate_workload_controller.actions import HoldOff, OnAutoscalers
from tidegate_workload_controller.autoscalers import Autoscaler, Json, holding_off, letting_scale
from tidegate_workload_controller.kinds.protocol import Ensure


class Scaling:
    """Args:
    client: How to reach the API server.
    resource: The workload's kind.
    namespace: The workload's.
    name: The workload's.
    """

    def __init__(self, client: KubernetesClient, resource: Resource, namespace: str, name: str) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._name = name

    async def find(self) -> tuple[Autoscaler, ...]:
        """All that scale the workload, live: as a rule none or one."""
        listed = await self._client.list_all(HORIZONTAL_POD_AUTOSCALERS, self._namespace)
        found = [decode(raw, Autoscaler) for raw in listed.items]
        return tuple(each for each in found if each.scales(self._resource, self._name))

    async def write(self, action: OnAutoscalers, ensure: Ensure) -> None:
        async def patch(scaler: Autoscaler, operations: list[Json]) -> None:
            ensure()
            name = scaler.metadata.name
            await self._client.patch(
                HORIZONTAL_POD_AUTOSCALERS, self._namespace, name, operations, style=PatchStyle.JSON
            )

        if isinstance(action, HoldOff):
            patches = [(each, holding_off(each, action.rollout)) for each in action.autoscalers]
        else:
            patches = [(each, letting_scale(each)) for each in action.autoscalers]
        await asyncio.gather(*(patch(each, operations) for each, operations in patches))
