import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from support.copies import WORKER, key, order, release
from support.nats import CLOCK, NatsServer, nats_server

from tidegate_chassis import jetstream
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import OperatingError, Permanent, Transient
from tidegate_chassis.journal import Journal
from tidegate_chassis.message import Message
from tidegate_chassis.publish import Publisher
from tidegate_contracts import subjects
from tidegate_contracts.codec import event_decoder, workload_order_decoder
from tidegate_contracts.facts import PodCounts, WorkloadChanged, WorkloadGone
from tidegate_contracts.telemetry import PodsProgressed
from tidegate_contracts.topology import EVENTS, ORDERS, RELEASE_TTL_S, TELEMETRY

pytestmark = pytest.mark.nats

GONE = WorkloadGone(rollout="r1", order_revision=3, at_s=12.5)
COUNTS = PodCounts(replicas=1, updated=1, updated_ready=1, stable=0, stable_ready=0)


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def worker(server: NatsServer) -> AsyncIterator[Publisher]:
    async with server.connected(WORKER) as connection:
        yield Publisher(connection, WORKER, CLOCK)


@pytest.fixture
async def saga(server: NatsServer) -> AsyncIterator[Publisher]:
    async with server.connected("orchestrator") as connection:
        yield Publisher(connection, "orchestrator", CLOCK)


async def history(server: NatsServer) -> list[Message]:
    async with server.connected("orchestrator") as connection:
        return await Journal(connection, "orchestrator", CLOCK).read(EVENTS, subjects.workload_events(key()))


async def standing(connection: Connection) -> Message | None:
    return await Journal(connection, "orchestrator", CLOCK).last(ORDERS, subjects.order(WORKER, key()))


async def test_a_fact_stands_in_the_history_under_its_services_name(server: NatsServer, worker: Publisher) -> None:
    sequence = await worker.report(key(), GONE, cause="order-3")
    (message,) = await history(server)
    assert message.sequence == sequence
    assert event_decoder.decode(message.payload) == GONE
    assert subjects.parse_event(message.subject) == (key(), "r1", WORKER, "gone")
    assert message.cause == "order-3"
    assert message.headers["ce-type"] == "workload.gone.v1"
    assert message.headers["ce-source"] == WORKER


async def test_a_fact_that_is_reported_twice_is_stored_once(server: NatsServer, worker: Publisher) -> None:
    first = await worker.report(key(), GONE)
    assert await worker.report(key(), GONE) == first
    assert await worker.report(key(), WorkloadGone(rollout="r1", order_revision=3, at_s=13.0)) == first + 1
    assert len(await history(server)) == 2


async def test_a_fact_that_is_reported_while_the_server_is_killed_is_stored_once(
    server: NatsServer, worker: Publisher
) -> None:
    async def report(number: int) -> None:
        await worker.report(key(), WorkloadGone(rollout="r1", order_revision=number, at_s=1.0))

    reporting = [asyncio.create_task(report(number)) for number in range(50)]
    await asyncio.sleep(0.01)
    await server.kill()
    await server.start()
    await asyncio.gather(*reporting)
    facts = [event_decoder.decode(message.payload) for message in await history(server)]
    assert sorted(fact.order_revision for fact in facts if isinstance(fact, WorkloadGone)) == list(range(50))


async def test_a_fact_that_cannot_be_stored_is_told(
    server: NatsServer, worker: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.publish.DEADLINE_S", 0.5)
    await server.kill()
    await asyncio.sleep(0.2)
    with pytest.raises(Transient):
        await worker.report(key(), GONE)


@pytest.mark.parametrize("size", [150_000, 300_000])
async def test_a_fact_that_is_too_large_is_refused_for_good(worker: Publisher, size: int) -> None:
    fact = WorkloadChanged(rollout="r1", order_revision=1, at_s=1.0, what="x" * size, by="somebody")
    with pytest.raises(Permanent):
        await worker.report(key(), fact)


async def test_telemetry_reaches_its_stream_and_never_fails(server: NatsServer, worker: Publisher) -> None:
    progress = PodsProgressed(rollout="r1", at_s=1.0, step=1, target_pods=1, counts=COUNTS)
    await worker.observe(key(), "r1", progress)
    async with server.connected("deploy") as deploy, asyncio.timeout(5):
        while not (await jetstream.api(deploy, f"STREAM.INFO.{TELEMETRY}"))["state"]["messages"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await server.kill()
    await asyncio.sleep(0.1)
    async with asyncio.timeout(0.1):
        await worker.observe(key(), "r1", progress)


async def test_whatever_order_they_publish_in_racing_copies_leave_the_newest_order_standing(
    server: NatsServer,
) -> None:
    async with server.connected("orchestrator") as one, server.connected("orchestrator") as other:
        publishers = [Publisher(one, "orchestrator", CLOCK), Publisher(other, "orchestrator", CLOCK)]
        for round_number in range(10):
            revisions = [round_number * 10 + offset for offset in range(10)]
            random.Random(round_number).shuffle(revisions)
            await asyncio.gather(
                *(
                    publishers[index % 2].order(WORKER, key(), order(revision))
                    for index, revision in enumerate(revisions)
                )
            )
            last = await standing(one)
            assert last is not None
            assert last.revision == round_number * 10 + 9
            assert workload_order_decoder.decode(last.payload) == order(round_number * 10 + 9)


async def test_an_order_that_was_published_by_another_copy_is_not_published_again(server: NatsServer) -> None:
    async with server.connected("orchestrator") as one, server.connected("orchestrator") as other:
        assert await Publisher(one, "orchestrator", CLOCK).order(WORKER, key(), order(4))
        late = Publisher(other, "orchestrator", CLOCK)
        assert await late.order(WORKER, key(), order(4))
        assert not await late.order(WORKER, key(), order(3))
        last = await standing(one)
        assert last is not None
        assert last.sequence == 1


async def test_a_remembered_order_that_is_no_longer_true_does_not_mislead(server: NatsServer, saga: Publisher) -> None:
    assert await saga.order(WORKER, key(), order(1))
    async with server.connected("orchestrator") as other:
        await Publisher(other, "orchestrator", CLOCK).order(WORKER, key(), order(5))
    assert not await saga.order(WORKER, key(), order(4))
    assert await saga.order(WORKER, key(), order(6))
    async with server.administrator() as administrator:
        await jetstream.api(administrator, f"STREAM.PURGE.{ORDERS}")
    assert await saga.order(WORKER, key(), order(6)), "what was remembered had aged out"
    async with server.connected("orchestrator") as other:
        last = await standing(other)
        assert last is not None
        assert last.revision == 6


async def test_only_a_release_order_ages_out(server: NatsServer, saga: Publisher) -> None:
    async with server.connected("orchestrator") as connection:
        await saga.order(WORKER, key(), order(1))
        held = await standing(connection)
        await saga.order(WORKER, key(), release(2))
        released = await standing(connection)
    assert held is not None
    assert released is not None
    assert "Nats-TTL" not in held.headers
    assert released.headers["Nats-TTL"] == f"{RELEASE_TTL_S}s"


async def test_a_worker_may_not_give_orders(
    server: NatsServer, worker: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate_chassis.publish.DEADLINE_S", 0.5)
    monkeypatch.setattr("tidegate_chassis.jetstream.REQUEST_TIMEOUT_S", 0.5)
    with pytest.raises(OperatingError):
        await worker.order(WORKER, key(), order(1))
