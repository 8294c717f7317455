"""What the traffic-shifter was told of a TrafficRouting, what it answered, and what it is told next.

Called by `routing_loop`. An order goes out by compare-and-set behind the one that stands; its revision only grows, also
where the last one has aged out of the stream: it is a time in seconds, at least.
"""

from typing import Final

import msgspec
import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import AnyEvent, event_decoder, tag_of, traffic_order_decoder
from tidegate_contracts.orders import RouteOrder
from tidegate_contracts.subjects import Service
from tidegate_contracts.topology import EVENTS, ORDERS
from tidegate_contracts.workload import WorkloadKey
from tidegate_rollout_operator.routing_due import Standing, answered

SHIFTER: Final[Service] = "traffic-shifter"
_log = structlog.get_logger(__name__)


class RoutingOrders:
    def __init__(self, connection: Connection, name: str, clock: Clock) -> None:
        self._journal = Journal(connection, name, clock)
        self._publisher = Publisher(connection, name, clock)
        self._clock = clock

    async def standing(self, key: WorkloadKey) -> Standing:
        """Errors as of a read."""
        message = await self._journal.last(ORDERS, subjects.order(SHIFTER, key))
        if message is None:
            return Standing()
        order: RouteOrder = traffic_order_decoder.decode(message.payload)
        return await self._answered(key, order)

    def next_revision(self, standing: Standing) -> int:
        now_s = int(self._clock.now_s())
        return max(standing.order.revision + 1, now_s) if standing.order is not None else now_s

    async def give(self, key: WorkloadKey, order: RouteOrder) -> Standing:
        """Errors as of a publish."""
        await self._publisher.order(SHIFTER, key, order)
        _log.info("order given", routing=str(key), order=tag_of(order), revision=order.revision)
        return Standing(order)

    async def _answered(self, key: WorkloadKey, order: RouteOrder) -> Standing:
        message = await self._journal.last(EVENTS, subjects.workload_events(key))
        if message is None:
            return Standing(order)
        try:
            event: AnyEvent = event_decoder.decode(message.payload)
        except msgspec.MsgspecError as error:
            _log.warning("an event can't be read", subject=message.subject, reason=str(error))
            return Standing(order)
        return answered(order, event)
