"""Keeps the traffic-shifter's order of each TrafficRouting, and its status: what the releases that hold it make due.

Made by `app`. Woken where one changed, where the traffic-shifter has answered, and now and then. A cluster without the
kind (`crds/trafficroutings.yaml` was left out) has none.
"""

import asyncio
from typing import Final

import structlog

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject, decode
from tidegate_chassis.kubernetes.reflector import Reflector
from tidegate_chassis.kubernetes.store import Key
from tidegate_contracts.subjects import parse_event
from tidegate_rollout_operator.awaiting import named_by
from tidegate_rollout_operator.kruise import ROLLOUTS, Rollout
from tidegate_rollout_operator.loop import Loop
from tidegate_rollout_operator.replacing import replace_parts
from tidegate_rollout_operator.rollouts import Rollouts
from tidegate_rollout_operator.routing_due import due, project
from tidegate_rollout_operator.routing_orders import RoutingOrders
from tidegate_rollout_operator.traffic_routing import (
    FINALIZER,
    HOLDERS,
    TRAFFIC_ROUTINGS,
    Routing,
    holder_of,
    wanted,
)
from tidegate_rollout_operator.working import Workers

INTERVAL_S: Final = 30.0
_log = structlog.get_logger(__name__)


class RoutingLoop:
    def __init__(
        self,
        client: KubernetesClient,
        reflector: Reflector[Routing],
        orders: RoutingOrders,
        rollouts: Rollouts,
        loop: Loop,
        *,
        cluster: str,
    ) -> None:
        self._client = client
        self._reflector = reflector
        self._orders = orders
        self._rollouts = rollouts
        self._loop = loop
        self._cluster = cluster
        self._workers = Workers(self._look, "traffic routing")
        reflector.subscribe(self._changed)

    async def heard(self, subject: str) -> None:
        """An event: the answer to an order of ours, or somebody else's."""
        key = parse_event(subject).key
        routing = self._reflector.store.get(key.namespace, key.name)
        if routing is not None and routing.key(self._cluster) == key:
            self._workers.wake(routing.metadata.key)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._reflector.run())
            await self._reflector.wait_synced()
            self._loop.wake_all()
            group.create_task(self._workers.run())
            while True:
                await asyncio.sleep(INTERVAL_S)
                for routing in self._reflector.store.all():
                    self._workers.wake(routing.metadata.key)

    def _changed(self, old: Routing | None, new: Routing | None) -> None:
        """Whoever names it takes hold of one that has come, and tells of one that goes."""
        found = new or old
        assert found is not None, "one of the two is there"
        self._workers.wake(found.metadata.key)
        if old is not None and new is not None and _holds(old) == _holds(new):
            return
        for rollout in self._rollouts.within(found.metadata.namespace):
            if named_by(rollout) == found.metadata.name:
                self._loop.wake(rollout.metadata.key)

    async def _look(self, key: Key) -> None:
        routing = self._reflector.store.get(*key)
        if routing is None:
            return
        if FINALIZER not in routing.metadata.finalizers:
            if not routing.leaving:
                await self._finalizers(routing, [*routing.metadata.finalizers, FINALIZER])
        elif strays := await self._strays(routing):
            kept = [each for each in routing.metadata.finalizers if each.removeprefix(HOLDERS) not in strays]
            _log.warning("held by Rollouts that are no more", routing=key, rollouts=sorted(strays))
            await self._finalizers(routing, kept)
        else:
            await self._keep(routing)

    async def _keep(self, routing: Routing) -> None:
        key, asked = routing.key(self._cluster), wanted(routing)
        standing = await self._orders.standing(key)
        order = due(routing, asked, standing, self._orders.next_revision(standing))
        if order is not None:
            standing = await self._orders.give(key, order)
        if routing.leaving and standing.given_back:
            kept = [each for each in routing.metadata.finalizers if each != FINALIZER]
            await self._finalizers(routing, kept)
            return
        status = project(routing, asked, standing)
        if status != routing.status:
            await replace_parts(self._client, TRAFFIC_ROUTINGS, routing.metadata, {"/status": status})

    async def _strays(self, routing: Routing) -> set[str]:
        """Holders whose Rollouts are gone, by force: only after a live look, since one may not have come here yet."""
        known = {holder_of(each) for each in self._rollouts.all() if _is_beside(each, routing)}
        if set(routing.holders) <= known:
            return set()
        page = await self._client.list_all(ROLLOUTS, routing.metadata.namespace)
        return set(routing.holders) - {holder_of(decode(raw, Rollout)) for raw in page.items}

    async def _finalizers(self, routing: Routing, finalizers: list[str]) -> None:
        await replace_parts(self._client, TRAFFIC_ROUTINGS, routing.metadata, {"/metadata/finalizers": finalizers})


def _holds(routing: Routing) -> tuple[tuple[str, ...], bool]:
    """What of it matters to Rollouts."""
    return routing.holders, routing.leaving


def _is_beside(rollout: KubernetesObject, routing: Routing) -> bool:
    return rollout.metadata.namespace == routing.metadata.namespace
