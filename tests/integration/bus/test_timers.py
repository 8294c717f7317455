import asyncio
import base64
import time
from collections.abc import AsyncIterator

import pytest
from support.copies import key, working
from support.nats import NatsServer, nats_server
from support.until import until

from tidegate_chassis import jetstream
from tidegate_chassis.context import Context
from tidegate_chassis.delivery import Delivered, Delivery
from tidegate_contracts.codec import timer_decoder
from tidegate_contracts.subjects import parse_timer
from tidegate_contracts.timers import TimerDue
from tidegate_contracts.topology import TIMERS, TIMERS_CONSUMER
from tidegate_contracts.workload import WorkloadKey

pytestmark = pytest.mark.nats

LATE_MAX_S = 1.0


class Alarm:
    def __init__(self) -> None:
        self.rung: list[tuple[WorkloadKey, int, float]] = []

    async def ring(self, delivered: Delivered[TimerDue]) -> None:
        self.rung.append((parse_timer(delivered.message.subject), delivered.body.revision, time.time()))

    def compose(self, context: Context) -> None:
        context.add(Delivery(context, TIMERS_CONSUMER, timer_decoder.decode, self.ring))

    @property
    def revisions(self) -> list[int]:
        return sorted(revision for _, revision, _ in self.rung)


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


def due(revision: int, in_s: float) -> TimerDue:
    return TimerDue(rollout="r1", revision=revision, due_s=time.time() + in_s)


async def test_a_timer_rings_for_its_workload_at_its_time_and_not_before(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        soon, later = due(1, 0.5), due(2, 1.2)
        await context.timers.set(key("a.b"), later)
        await context.timers.set(key(), soon)
        await until(lambda: len(alarm.rung) == 2)
    assert [(rung_for, revision) for rung_for, revision, _ in alarm.rung] == [(key(), 1), (key("a.b"), 2)]
    for (_, _, rung_s), timer in zip(alarm.rung, (soon, later), strict=True):
        assert timer.due_s <= rung_s < timer.due_s + LATE_MAX_S


async def test_a_timer_that_is_set_again_rings_once_at_its_new_time(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        await context.timers.set(key(), due(1, 0.6))
        await context.timers.set(key(), due(2, 0.3))
        await context.timers.set(key("other"), due(3, 1.5))
        await until(lambda: 3 in alarm.revisions)
    assert alarm.revisions == [2, 3]


async def test_a_cancelled_timer_does_not_ring_and_can_be_set_again(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        await context.timers.set(key(), due(1, 0.5))
        await context.timers.cancel(key())
        await context.timers.set(key("other"), due(2, 1.0))
        await until(lambda: 2 in alarm.revisions)
        await context.timers.set(key(), due(3, 0.1))
        await until(lambda: 3 in alarm.revisions)
    assert alarm.revisions == [2, 3]


async def test_a_timer_that_is_past_rings_at_once(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        await context.timers.set(key(), due(1, -100))
        await until(lambda: alarm.revisions == [1], within_s=LATE_MAX_S)


async def test_a_timer_that_came_due_while_the_server_was_down_rings_when_it_is_back(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        await context.timers.set(key(), due(1, 1.0))
        await server.kill()
        await asyncio.sleep(1.5)
        await server.start()
        await until(lambda: alarm.revisions == [1])


async def test_timers_that_rang_do_not_pile_up_for_ever(server: NatsServer) -> None:
    alarm = Alarm()
    async with working(server, alarm.compose, name="orchestrator") as context:
        await context.timers.set(key(), due(1, 0))
        await until(lambda: alarm.revisions == [1])
        query = {"last_by_subj": "tidegate.timers.due.>"}
        answer = await jetstream.api(context.connection, f"STREAM.MSG.GET.{TIMERS}", query)
    assert b"Nats-TTL" in base64.b64decode(answer["message"]["hdrs"])
