import asyncio
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest
from support.copies import WORKER, Orchestrator, key, orchestrator, order, release, working
from support.nats import NatsServer, nats_server
from support.until import until

from tidegate_chassis import jetstream
from tidegate_chassis.claims import Claim
from tidegate_chassis.context import Context
from tidegate_chassis.errors import Conflict, Permanent, Transient
from tidegate_chassis.message import REVISION
from tidegate_chassis.publish import EXPECTED_SEQUENCE
from tidegate_chassis.standing_orders import HeldOrder, OrderLost, StandingOrders
from tidegate_contracts import subjects
from tidegate_contracts.codec import dead_decoder, encode, workload_order_decoder
from tidegate_contracts.orders import ReleaseWorkload, WorkloadOrder
from tidegate_contracts.topology import DEAD, ORDERS, orders_consumer

pytestmark = pytest.mark.nats


class RecordingHolder:
    """Notes what it is asked to hold; `behave` may do something else than stay."""

    def __init__(self, behave: Callable[[HeldOrder[WorkloadOrder]], None] | None = None) -> None:
        self.begun: list[HeldOrder[WorkloadOrder]] = []
        self.ended: list[int] = []
        self.now = 0
        self.most_at_once = 0
        self.slow_end_s = 0.0
        self._behave = behave

    @property
    def revisions(self) -> list[int]:
        return [held.revision for held in self.begun]

    async def hold(self, held: HeldOrder[WorkloadOrder]) -> None:
        self.begun.append(held)
        self.now += 1
        self.most_at_once = max(self.most_at_once, self.now)
        try:
            if self._behave is not None:
                self._behave(held)
            if not isinstance(held.order, ReleaseWorkload):
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(self.slow_end_s)
            raise
        finally:
            self.now -= 1
            self.ended.append(held.revision)


class Standing:
    """A copy in this process: its holder and its orders."""

    def __init__(self, holder: RecordingHolder) -> None:
        self.holder = holder
        self.orders: StandingOrders[WorkloadOrder] | None = None

    @property
    def held(self) -> int:
        assert self.orders is not None
        return self.orders.held

    def compose(self, context: Context) -> None:
        self.orders = StandingOrders(context, workload_order_decoder.decode, self.holder)
        context.add(self.orders)


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def saga(server: NatsServer) -> AsyncIterator[Orchestrator]:
    async with orchestrator(server) as connected:
        yield connected


async def consumer_state(server: NatsServer) -> tuple[int, int]:
    """Orders that are delivered and not acked, and orders that wait to be delivered."""
    consumer = orders_consumer(WORKER, "default")
    async with server.connected("deploy") as connection:
        answer = await jetstream.api(connection, f"CONSUMER.INFO.{ORDERS}.{consumer.name}")
        return answer["num_ack_pending"], answer["num_pending"]


async def until_acked(server: NatsServer) -> None:
    """Nothing is left for anybody: the server takes an ack a moment after it was sent."""
    async with asyncio.timeout(5):
        while await consumer_state(server) != (0, 0):
            pass


async def test_an_order_is_held_without_being_acked(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        assert await consumer_state(server) == (1, 0)
        assert copy.held == 1


async def test_a_newer_order_ends_the_older_one_before_it_starts(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    copy.holder.slow_end_s = 0.2
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        await saga.order(order(2))
        await until(lambda: copy.holder.revisions == [1, 2])
        assert copy.holder.ended == [1]
        assert copy.holder.most_at_once == 1
        with pytest.raises(OrderLost, match="superseded"):
            copy.holder.begun[0].ensure()
        copy.holder.begun[1].ensure()


async def test_of_orders_that_come_in_a_burst_the_last_one_is_held(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    copy.holder.slow_end_s = 0.1
    async with working(server, copy.compose):
        for revision in range(1, 21):
            await saga.order(order(revision))
        await until(lambda: copy.holder.revisions[-1:] == [20])
        assert copy.holder.most_at_once == 1
        assert copy.held == 1


async def test_a_stale_order_is_never_published_over_a_newer_one(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose):
        assert await saga.order(order(5))
        assert not await saga.order(order(4))
        assert await saga.order(order(5))
        await until(lambda: copy.holder.revisions == [5])
        await saga.order(order(6))
        await until(lambda: copy.holder.revisions == [5, 6])


async def test_a_released_order_is_acked_and_stays_as_the_last_one(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose):
        await saga.order(order(1))
        await saga.order(release(2))
        await until(lambda: 2 in copy.holder.ended and copy.held == 0)
        assert not await saga.order(order(1))
    await until_acked(server)


async def test_an_order_whose_holder_returns_stays_held_but_idle(server: NatsServer, saga: Orchestrator) -> None:
    class Returning(RecordingHolder):
        async def hold(self, held: HeldOrder[WorkloadOrder]) -> None:
            self.begun.append(held)

    copy = Standing(Returning())
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        await asyncio.sleep(6)  # longer than the ack_wait: only heartbeats keep it from being delivered again
        assert copy.holder.revisions == [1]
        assert await consumer_state(server) == (1, 0)


async def test_a_transient_failure_is_tried_again_while_the_order_is_held(
    server: NatsServer, saga: Orchestrator
) -> None:
    failures = [Transient("busy", delay_s=0.01), Transient("busy"), RuntimeError("a bug"), Permanent("no", code="no")]

    def behave(_: HeldOrder[WorkloadOrder]) -> None:
        if failures:
            raise failures.pop(0)

    copy = Standing(RecordingHolder(behave))
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.now == 1 and not failures, within_s=15)
        assert copy.holder.revisions == [1] * 5
        assert copy.held == 1


async def test_an_order_that_cannot_be_read_becomes_a_dead_letter(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose), server.connected("deploy") as deploy:
        await jetstream.publish(saga.connection, subjects.order(WORKER, key()), b'{"type":"order.unheard-of.v9"}', {})
        await saga.order(order(1, "other"), "other")
        await until(lambda: copy.holder.revisions == [1])

        async def letters() -> int:
            answer = await jetstream.api(deploy, f"STREAM.INFO.{DEAD}")
            return int(answer["state"]["messages"])

        while not await letters():  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.02)
    async with server.connected("operator") as operator:
        reply = await jetstream.request(
            operator, f"tidegate.api.DIRECT.GET.{DEAD}", b'{"last_by_subj":"tidegate.dead.workload-controller"}'
        )
    letter = dead_decoder.decode(reply.data)
    assert letter.payload == b'{"type":"order.unheard-of.v9"}'
    assert "unheard-of" in letter.reason
    assert await consumer_state(server) == (1, 0)


async def test_a_stopping_copy_hands_its_orders_over_within_a_second(server: NatsServer, saga: Orchestrator) -> None:
    first, second = Standing(RecordingHolder()), Standing(RecordingHolder())
    async with working(server, second.compose, orders_max=1000):
        async with working(server, first.compose):
            for number in range(40):
                await saga.order(order(1, f"web-{number}"), f"web-{number}")
            await until(lambda: first.held + second.held == 40)
            assert first.held > 0
            begun_s = asyncio.get_running_loop().time()
        await until(lambda: second.held == 40, within_s=1.0)
        assert asyncio.get_running_loop().time() - begun_s < 1.5
        assert first.holder.now == 0


async def test_a_copy_takes_no_more_orders_than_it_may(server: NatsServer, saga: Orchestrator) -> None:
    first, second = Standing(RecordingHolder()), Standing(RecordingHolder())
    async with working(server, first.compose, orders_max=3):
        for number in range(8):
            await saga.order(order(1, f"web-{number}"), f"web-{number}")
        await until(lambda: first.held == 3)
        assert await consumer_state(server) == (3, 5)
        async with working(server, second.compose, orders_max=10):
            await until(lambda: second.held == 5)
            for held in list(first.holder.begun):
                await saga.order(release(2, held.key.name), held.key.name)
            await until(lambda: first.held == 0)


async def test_a_full_copy_still_follows_the_orders_that_it_holds(server: NatsServer, saga: Orchestrator) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose, orders_max=1):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        await saga.order(order(2))
        await until(lambda: copy.holder.revisions == [1, 2])


async def test_the_publisher_is_never_answered_by_those_who_hear(server: NatsServer, saga: Orchestrator) -> None:
    copies = [Standing(RecordingHolder()) for _ in range(2)]
    async with working(server, copies[0].compose), working(server, copies[1].compose) as context:
        for revision in range(1, 30):
            assert await saga.order(order(revision))
        assert context.connection.denied is None


async def test_a_holder_that_does_not_end_keeps_the_next_order_waiting_and_is_told(
    server: NatsServer, saga: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.standing_orders.ENDING_MAX_S", 0.3)
    copy = Standing(RecordingHolder())
    copy.holder.slow_end_s = 2.0
    async with working(server, copy.compose) as context:
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        await saga.order(order(2))
        await until(lambda: "does not end" in context.health.problems().get("orders", ""), within_s=1.5)
        assert copy.holder.revisions == [1]
        await until(lambda: copy.holder.revisions == [1, 2])
        assert context.health.problems() == {}


async def test_an_order_that_comes_again_is_adopted_without_starting_its_work_anew(
    server: NatsServer, saga: Orchestrator
) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        (held,) = copy.holder.begun
        assert copy.orders is not None
        (holding,) = copy.orders._held.values()
        await holding.receipt.later(0)
        await until(lambda: held.message.deliveries == 2)
        assert copy.holder.revisions == [1]
        assert copy.holder.now == 1
        held.ensure()
        await saga.order(release(2))
        await until(lambda: copy.held == 0)
    await until_acked(server)


async def test_a_copy_that_hears_that_another_one_took_its_order_lets_go(
    server: NatsServer, saga: Orchestrator
) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose), server.connected(WORKER) as other:
        await saga.order(order(7))
        await until(lambda: copy.holder.revisions == [7])
        claim = Claim(copy="other", subject=subjects.order(WORKER, key()), revision=6, deliveries=5)
        claims = f"{other.inbox_prefix}.claims"
        await other.client.publish(claims, msgspec.json.encode(claim))
        await saga.order(order(1, "marker"), "marker")
        await until(lambda: copy.holder.revisions == [7, 1])
        assert copy.holder.ended == [], "the claim was older than what is held"
        claim = Claim(copy="other", subject=subjects.order(WORKER, key()), revision=7, deliveries=2)
        await other.client.publish(claims, msgspec.json.encode(claim))
        await until(lambda: copy.holder.ended == [7])
        with pytest.raises(OrderLost, match="another copy"):
            copy.holder.begun[0].ensure()


async def test_an_order_that_was_only_heard_stops_older_work_until_it_is_stored(
    server: NatsServer, saga: Orchestrator
) -> None:
    copy = Standing(RecordingHolder())
    async with working(server, copy.compose):
        await saga.order(order(1))
        await until(lambda: copy.holder.revisions == [1])
        headers = {REVISION: "2", EXPECTED_SEQUENCE: "999"}
        with pytest.raises(Conflict):
            await jetstream.publish(saga.connection, subjects.order(WORKER, key()), encode(order(2)), headers)
        await until(lambda: copy.holder.ended == [1])
        await asyncio.sleep(6.5)  # longer than the ack_wait: the older order was delivered again, and waits
        assert copy.holder.revisions == [1]
        assert (await consumer_state(server))[0] == 1
        assert await saga.order(order(2))
        await until(lambda: copy.holder.revisions == [1, 2])
