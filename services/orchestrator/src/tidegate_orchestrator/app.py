"""The orchestrator as a service: its parts put together, and nothing else.

Started as `python -m tidegate_orchestrator`. Requests, controls, facts and timers come in through the
chassis' deliveries, go through `receive` to `handle`, and come out as decisions, orders and timers.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import msgspec

from tidegate_chassis.context import Context
from tidegate_chassis.delivery import Delivered, Delivery
from tidegate_chassis.service import run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_contracts import subjects, topology
from tidegate_contracts.codec import decode_control, timer_decoder
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.workload import WorkloadKey
from tidegate_orchestrator.handle import Handler
from tidegate_orchestrator.history import EventHistory
from tidegate_orchestrator.outbox import BusOutbox
from tidegate_orchestrator.receive import Receiver, lane
from tidegate_orchestrator.sweep import Sweep


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    history = EventHistory(context.journal)
    outbox = BusOutbox(context.publisher, context.timers)
    handler = Handler(history, outbox, context.clock.now_s)
    receiver = Receiver(handler, context.journal)
    facts: msgspec.json.Decoder[AnyFact] = msgspec.json.Decoder(AnyFact)
    context.add(Delivery(context, topology.REQUESTS_CONSUMER, bytes, receiver.request, lane=lane))
    context.add(Delivery(context, topology.CONTROLS_CONSUMER, decode_control, receiver.control, lane=_subject))
    context.add(Delivery(context, topology.FACTS_CONSUMER, facts.decode, receiver.fact, lane=_workload))
    context.add(Delivery(context, topology.TIMERS_CONSUMER, timer_decoder.decode, receiver.timer, lane=_subject))
    sweep = Sweep(
        cluster=context.settings.cluster,
        connection=context.connection,
        history=history,
        outbox=outbox,
        handler=handler,
        clock=context.clock,
    )
    context.background("sweep", sweep.run)
    yield


def _subject(delivered: Delivered[Any]) -> str:
    return delivered.message.subject


def _workload(delivered: Delivered[AnyFact]) -> WorkloadKey:
    return subjects.parse_event(delivered.message.subject).key


def main() -> NoReturn:
    run("orchestrator", load_or_exit(Settings), compose)
