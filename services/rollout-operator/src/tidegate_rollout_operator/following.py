"""Reflectors of kinds that a cluster may lack, since their definitions may be left out: nothing else waits for them.

Used by `mirroring`, `recording` and, by way of `app`, `routing_loop`. A kind that comes later is followed from then on.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector, ReflectorLimits
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.store import IndexFunction

LIMITS: Final = ReflectorLimits(backoff=Backoff(first_s=1.0, max_s=60.0))
"""A cluster without the kind is not asked for it more often than that."""

_Item = TypeVar("_Item", bound=KubernetesObject)


def follow(
    client: KubernetesClient,
    resource: Resource,
    item_type: type[_Item],
    *,
    indexes: Mapping[str, IndexFunction[_Item]] | None = None,
) -> Reflector[_Item]:
    """To be run in the background; `synced` says whether there is such a kind."""
    return Reflector(client, resource, item_type, indexes=indexes, limits=LIMITS)


async def keep_following(reflector: Reflector[Any], wake_all: Callable[[], None]) -> None:
    """Until cancelled; who was looked at before the objects were known is looked at again."""
    async with asyncio.TaskGroup() as group:
        group.create_task(reflector.run())
        await reflector.wait_synced()
        wake_all()
