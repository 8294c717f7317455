"""The orchestrator as processes on a real server, with services around it that do at once whatever they are ordered.

The services are real holders of standing orders; only the world that they would change is left out. What they say and
what the orchestrator decides is read back from the stream, as an outsider would.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from support import orchestrator_process
from support.copies import Copy, _end, working
from support.nats import CLOCK, REPOSITORY, NatsServer, password
from support.until import until
from tidegate_chassis.connection import Connection
from tidegate_chassis.context import Context
from tidegate_chassis.journal import Journal
from tidegate_chassis.publish import Publisher
from tidegate_chassis.standing_orders import HeldOrder, StandingOrders
from tidegate_contracts import subjects
from tidegate_contracts.codec import (
    AnyEvent,
    analysis_order_decoder,
    encode,
    event_decoder,
    traffic_order_decoder,
    workload_order_decoder,
)
from tidegate_contracts.controls import Control
from tidegate_contracts.decisions import TERMINAL, Decision
from tidegate_contracts.facts import (
    AnalysisConcluded,
    AnalysisReleased,
    AnyFact,
    BatchReady,
    PodCounts,
    TrafficReleased,
    TrafficShifted,
    WorkloadPrepared,
    WorkloadReleased,
)
from tidegate_contracts.orders import (
    Analyse,
    AnalysisOrder,
    PrepareWorkload,
    ReleaseTraffic,
    ReleaseWorkload,
    ShiftTraffic,
    TrafficOrder,
    WorkloadOrder,
)
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.topology import EVENTS
from tidegate_contracts.workload import WorkloadKey
from tidegate_sandbox.ports import free_port

_T = TypeVar("_T", WorkloadOrder, TrafficOrder, AnalysisOrder)
REPLICAS = 10
NAMESPACE = "shop"


def key(name: str = "web") -> WorkloadKey:
    return WorkloadKey("default", NAMESPACE, "deployment.apps", name)


class Obliging(Generic[_T]):
    """Holds orders by reporting that the world is as they say."""

    def __init__(self, publisher: Publisher, answer: Callable[[Any, dict[str, Any]], AnyFact | None]) -> None:
        self._publisher = publisher
        self._answer = answer

    async def hold(self, held: HeldOrder[_T]) -> None:
        common = {"rollout": held.order.rollout, "order_revision": held.revision, "at_s": CLOCK.now_s()}
        fact = self._answer(held.order, common)
        if fact is not None:
            await self._publisher.report(held.key, fact, cause=held.message.id)


def counts(updated: int = 0) -> PodCounts:
    stable = REPLICAS - updated
    return PodCounts(replicas=REPLICAS, updated=updated, updated_ready=updated, stable=stable, stable_ready=stable)


def _of_workload(order: WorkloadOrder, common: dict[str, Any]) -> AnyFact:
    if isinstance(order, PrepareWorkload):
        return WorkloadPrepared(**common, stable_revision="v1", template_digest="digest", counts=counts())
    if isinstance(order, ReleaseWorkload):
        return WorkloadReleased(**common, mode=order.mode)
    updated = order.target.count or -(-REPLICAS * (order.target.percent or 0) // 100)
    fields = {"step": order.step, "settled": order.settle, "canary_revision": "v2", "target_pods": updated}
    return BatchReady(**common, **fields, counts=counts(updated), last_pod_ready_at_s=common["at_s"])


def _of_traffic(order: TrafficOrder, common: dict[str, Any]) -> AnyFact:
    if isinstance(order, ReleaseTraffic):
        return TrafficReleased(**common)
    assert isinstance(order, ShiftTraffic)
    return TrafficShifted(**common, weight_percent=order.weight_percent, accepted_at_s=common["at_s"])


def _of_analysis(order: AnalysisOrder, common: dict[str, Any]) -> AnyFact | None:
    if not isinstance(order, Analyse):
        return AnalysisReleased(**common)
    if order.step_analysis is None:
        return None
    verdict = {"scope": "step", "step": order.step, "verdict": "pass", "reason": "all good"}
    return AnalysisConcluded(**common, **verdict, started_at_s=order.since_s)  # type: ignore[arg-type]


def _workload_controller(context: Context) -> None:
    holder: Obliging[WorkloadOrder] = Obliging(context.publisher, _of_workload)
    context.add(StandingOrders(context, workload_order_decoder.decode, holder))


def _traffic_shifter(context: Context) -> None:
    holder: Obliging[TrafficOrder] = Obliging(context.publisher, _of_traffic)
    context.add(StandingOrders(context, traffic_order_decoder.decode, holder))


def _metrics_analyzer(context: Context) -> None:
    holder: Obliging[AnalysisOrder] = Obliging(context.publisher, _of_analysis)
    context.add(StandingOrders(context, analysis_order_decoder.decode, holder))


@asynccontextmanager
async def obliging_services(server: NatsServer) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(working(server, _workload_controller, name="workload-controller"))
        await stack.enter_async_context(working(server, _traffic_shifter, name="traffic-shifter"))
        await stack.enter_async_context(working(server, _metrics_analyzer, name="metrics-analyzer"))
        yield


class Outsider:
    """Asks for rollouts and reads what came of them, with nothing but the bus."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._journal = Journal(connection, "test", CLOCK)

    async def publish(self, subject: str, payload: bytes, **headers: str) -> None:
        await self._connection.client.jetstream().publish(subject, payload, headers=headers or None, timeout=5.0)

    async def ask(self, wanted: RolloutRequested) -> None:
        await self.publish(subjects.requests("default", NAMESPACE), encode(wanted))

    async def tell(self, rollout: str, control: Control) -> None:
        await self.publish(subjects.controls("default", NAMESPACE, rollout), encode(control))

    async def history(self, subject: str = f"{subjects.ROOT}.events.default.{NAMESPACE}.>") -> list[AnyEvent]:
        return [event_decoder.decode(message.payload) for message in await self._journal.read(EVENTS, subject)]

    async def decisions(self, name: str = "web") -> list[Decision]:
        events = await self.history(subjects.workload_events(key(name)))
        return [event for event in events if isinstance(event, Decision)]

    async def kinds(self, name: str = "web") -> list[str]:
        return [type(event).__name__ for event in await self.decisions(name)]

    async def ends(self) -> Counter[str]:
        """The terminal events of each rollout."""
        events = await self.history()
        return Counter(event.rollout for event in events if isinstance(event, Decision) and isinstance(event, TERMINAL))

    async def until_ended(self, number: int, *, within_s: float = 30.0) -> None:
        await self.until_said(TERMINAL, number, within_s=within_s)

    async def until_said(self, kinds: Any, number: int = 1, *, within_s: float = 30.0) -> None:
        async def said() -> bool:
            return sum(isinstance(event, kinds) for event in await self.history()) >= number

        await self._until(said, within_s, f"{number} of {kinds}")

    async def until_dead(self, number: int, *, within_s: float = 30.0) -> None:
        async def dead() -> bool:
            return len(await self.dead_letters()) >= number

        await self._until(dead, within_s, f"{number} dead letters")

    async def until_ordered(self, service: str, *, within_s: float = 30.0) -> None:
        async def ordered() -> bool:
            return service in await self.orders()

        await self._until(ordered, within_s, f"an order of the {service}")

    async def _until(self, condition: Callable[[], Awaitable[bool]], within_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(within_s):
                while not await condition():  # noqa: ASYNC110 - what another process says has no event here
                    await asyncio.sleep(0.05)
        except TimeoutError:
            told = [type(event).__name__ for event in await self.history()]
            raise AssertionError(f"{what} did not come within {within_s} s: {told}") from None

    async def dead_letters(self) -> list[dict[str, Any]]:
        messages = await self._journal.read("TIDEGATE_DEAD", subjects.dead("orchestrator"))
        return [msgspec.json.decode(message.payload) for message in messages]

    async def orders(self, name: str = "web") -> dict[str, Any]:
        found = {}
        for service in subjects.WORKERS:
            message = await self._journal.last("TIDEGATE_ORDERS", subjects.order(service, key(name)))
            if message is not None:
                found[service] = msgspec.json.decode(message.payload)
        return found


@asynccontextmanager
async def outsider(server: NatsServer) -> AsyncIterator[Outsider]:
    async with server.administrator() as connection:
        yield Outsider(connection)


class Orchestrators:
    """Copies of the orchestrator, each a process."""

    def __init__(self, server: NatsServer, directory: Path, stack: AsyncExitStack) -> None:
        self._server = server
        self._directory = directory
        self._stack = stack

    async def start(self, name: str = "first", *, dies: str = "", **environment: str) -> Copy:
        """`dies` says at which point it kills itself: `append`, `orders` or `ack`, and after how many of them."""
        port = free_port()
        variables = os.environ | {
            "TIDEGATE_NATS_URL": self._server.url,
            "TIDEGATE_NATS_USER": "orchestrator",
            "TIDEGATE_NATS_PASSWORD": password("orchestrator"),
            "TIDEGATE_HTTP_PORT": str(port),
            "DIES": dies,
            **environment,
        }
        with (self._directory / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", orchestrator_process.__name__),
                cwd=REPOSITORY / "tests",
                env=variables,
                stdout=log,
                stderr=log,
            )
        self._stack.push_async_callback(_end, process)
        copy = Copy(name, process, port)
        await copy.ready()
        return copy

    def log(self, name: str = "first") -> str:
        return (self._directory / f"{name}.log").read_text()


@asynccontextmanager
async def orchestrators(server: NatsServer, directory: Path) -> AsyncIterator[Orchestrators]:
    async with AsyncExitStack() as stack:
        yield Orchestrators(server, directory, stack)


async def died(copy: Copy, within_s: float = 20.0) -> None:
    await until(lambda: copy.process.returncode is not None, within_s=within_s, what=f"{copy.name} dies")
    assert copy.process.returncode == -signal.SIGKILL
