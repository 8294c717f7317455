import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest
from support.copies import working
from support.nats import NatsServer, nats_server
from support.until import until

from tidegate_chassis import jetstream
from tidegate_chassis.context import Context
from tidegate_chassis.delivery import BACKOFF_S, TRIES_MAX, Delivered, Delivery
from tidegate_chassis.errors import Permanent, Transient
from tidegate_contracts.codec import dead_decoder, decode_request
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.topology import DEAD, REQUESTS, REQUESTS_CONSUMER
from tidegate_contracts.workload import WorkloadReference

pytestmark = pytest.mark.nats

Handle = Callable[[Delivered[RolloutRequested]], Awaitable[None]]
SUBJECT = "tidegate.requests.default.default"
SLOW_S = 12.0


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate_chassis.delivery.BACKOFF_S", tuple(wait_s / 20 for wait_s in BACKOFF_S[:4]))


class Desk:
    """A handler that keeps what it got, and does what the test wants."""

    def __init__(self, act: Handle | None = None, *, concurrency: int = 10, by_workload: bool = False) -> None:
        self.begun: list[Delivered[RolloutRequested]] = []
        self.done: list[str] = []
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._act = act
        self._concurrency = concurrency
        self._by_workload = by_workload

    async def handle(self, delivered: Delivered[RolloutRequested]) -> None:
        name = delivered.body.workload.name
        self.begun.append(delivered)
        for counted in (name, "all"):
            self.now[counted] = self.now.get(counted, 0) + 1
            self.most[counted] = max(self.most.get(counted, 0), self.now[counted])
        try:
            if self._act is not None:
                await self._act(delivered)
            self.done.append(delivered.message.id)
        finally:
            for counted in (name, "all"):
                self.now[counted] -= 1

    def compose(self, context: Context) -> None:
        lane = (lambda delivered: delivered.body.workload.name) if self._by_workload else None
        context.add(
            Delivery(context, REQUESTS_CONSUMER, decode_request, self.handle, concurrency=self._concurrency, lane=lane)
        )


def request(name: str = "web") -> RolloutRequested:
    return RolloutRequested(workload=WorkloadReference(name=name), steps=(Step(replicas="100%"),))


async def publish(server: NatsServer, *requests: tuple[str, bytes | RolloutRequested]) -> None:
    async with server.connected("operator") as operator:
        for identity, body in requests:
            payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
            await jetstream.publish(operator, SUBJECT, payload, {"Nats-Msg-Id": identity})


async def ack_pending(server: NatsServer) -> tuple[int, int]:
    async with server.connected("deploy") as deploy:
        answer = await jetstream.api(deploy, f"CONSUMER.INFO.{REQUESTS}.{REQUESTS_CONSUMER.name}")
        return answer["num_ack_pending"], answer["num_pending"]


async def settled(server: NatsServer) -> None:
    """Every message was acked or given up."""
    async with asyncio.timeout(5):
        while await ack_pending(server) != (0, 0):  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.02)


async def dead_letter(server: NatsServer, within_s: float = 10) -> DeadLetter:
    async with asyncio.timeout(within_s), server.connected("operator") as operator:
        while True:
            query = b'{"last_by_subj":"tidegate.dead.orchestrator"}'
            reply = await jetstream.request(operator, f"tidegate.api.DIRECT.GET.{DEAD}", query)
            if reply.data:
                return dead_decoder.decode(reply.data)
            await asyncio.sleep(0.05)


async def test_a_handled_message_is_acked(server: NatsServer) -> None:
    desk = Desk()
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, ("one", request()), ("two", request("other")))
        await until(lambda: desk.done == ["one", "two"])
        await settled(server)
    assert [delivered.body for delivered in desk.begun] == [request(), request("other")]
    assert {delivered.message.subject for delivered in desk.begun} == {SUBJECT}


async def test_a_transient_failure_is_delivered_again_later(server: NatsServer, hasty: None) -> None:
    async def fail_twice(delivered: Delivered[RolloutRequested]) -> None:
        if delivered.message.deliveries <= 2:
            raise Transient("not now")

    desk = Desk(fail_twice)
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, ("one", request()))
        await until(lambda: desk.done == ["one"])
        await settled(server)
    assert [delivered.message.deliveries for delivered in desk.begun] == [1, 2, 3]


async def test_a_message_that_fails_for_good_is_kept_as_a_dead_letter(server: NatsServer) -> None:
    async def refuse(_: Delivered[RolloutRequested]) -> None:
        raise Permanent("no such thing", code="gone", field="workload", value="web", rule="exists", remedy="Make it.")

    desk = Desk(refuse)
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, ("one", request()))
        letter = await dead_letter(server)
        await settled(server)
    assert letter.reason == "no such thing"
    assert (letter.problems[0].field, letter.problems[0].remedy) == ("workload", "Make it.")
    assert letter.payload == msgspec.json.encode(request())
    assert letter.headers["Nats-Msg-Id"] == "one"
    assert len(desk.begun) == 1


async def test_a_bug_is_tried_eight_times_and_then_kept_as_a_dead_letter(server: NatsServer, hasty: None) -> None:
    async def stumble(delivered: Delivered[RolloutRequested]) -> None:
        if delivered.body.workload.name == "poison":
            raise ZeroDivisionError

    desk = Desk(stumble)
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, ("bad", request("poison")), ("good", request()))
        letter = await dead_letter(server)
        await settled(server)
    assert "ZeroDivisionError" in letter.reason
    assert letter.deliveries == TRIES_MAX
    assert desk.done == ["good"]


async def test_a_message_that_cannot_be_read_is_kept_with_the_reason(server: NatsServer) -> None:
    desk = Desk()
    hostile = (b"{", b"\xff\xfe", b'{"type":"rollout.requested.v1","steps":7}', b"[" * 5000)
    async with working(server, desk.compose, name="orchestrator"):
        for number, payload in enumerate(hostile):
            await publish(server, (f"bad-{number}", payload))
        await publish(server, ("good", request()))
        await until(lambda: desk.done == ["good"])
        await settled(server)
    letter = await dead_letter(server)
    assert letter.problems
    async with server.connected("deploy") as deploy:
        answer = await jetstream.api(deploy, f"STREAM.INFO.{DEAD}")
    assert answer["state"]["messages"] == len(hostile)


async def test_messages_of_one_lane_are_handled_in_order_and_lanes_side_by_side(server: NatsServer) -> None:
    async def dawdle(_: Delivered[RolloutRequested]) -> None:
        await asyncio.sleep(0.05)

    desk = Desk(dawdle, by_workload=True)
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, *((f"{name}-{number}", request(name)) for number in range(5) for name in ("a", "b")))
        await until(lambda: len(desk.done) == 10)
    for name in ("a", "b"):
        assert desk.most[name] == 1
        assert [done for done in desk.done if done.startswith(name)] == [f"{name}-{number}" for number in range(5)]
    assert desk.most["all"] == 2


async def test_no_more_messages_are_handled_at_once_than_allowed(server: NatsServer) -> None:
    async def dawdle(_: Delivered[RolloutRequested]) -> None:
        await asyncio.sleep(0.02)

    desk = Desk(dawdle, concurrency=3)
    await publish(server, *((f"{number}", request()) for number in range(20)))
    async with working(server, desk.compose, name="orchestrator"):
        await until(lambda: len(desk.done) == 20)
    assert desk.most["all"] == 3


async def test_a_slow_handler_keeps_its_message(server: NatsServer) -> None:
    async def dawdle(_: Delivered[RolloutRequested]) -> None:
        await asyncio.sleep(SLOW_S)

    desk = Desk(dawdle)
    async with working(server, desk.compose, name="orchestrator"):
        await publish(server, ("one", request()))
        await until(lambda: desk.done == ["one"], within_s=SLOW_S + 3)
        await settled(server)
    assert len(desk.begun) == 1, f"it was delivered again within {REQUESTS_CONSUMER.ack_wait_s} s"


async def test_a_stopping_service_ends_what_it_began_and_leaves_the_rest(server: NatsServer) -> None:
    async def dawdle(_: Delivered[RolloutRequested]) -> None:
        await asyncio.sleep(0.5)

    desk = Desk(dawdle, concurrency=2)
    await publish(server, *((f"{number}", request()) for number in range(5)))
    async with working(server, desk.compose, name="orchestrator"):
        await until(lambda: len(desk.begun) == 2)
    assert desk.done == ["0", "1"]
    assert await ack_pending(server) == (0, 3)


async def test_a_message_that_was_cut_off_is_delivered_again(server: NatsServer) -> None:
    async def hang(_: Delivered[RolloutRequested]) -> None:
        await asyncio.Event().wait()

    first, second = Desk(hang), Desk()
    await publish(server, ("one", request()))
    async with working(server, first.compose, name="orchestrator", stop_timeout_s=0.2):
        await until(lambda: len(first.begun) == 1)
    async with working(server, second.compose, name="orchestrator"):
        await until(lambda: second.done == ["one"], within_s=REQUESTS_CONSUMER.ack_wait_s + 3)
