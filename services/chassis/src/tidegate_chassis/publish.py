"""What a service says: facts, orders, telemetry and dead letters, each with an id that makes saying it twice harmless.

Called by holders and handlers. A fact is retried under the same id until the stream has it; an order goes out by
compare-and-set on its revision, so that a slow copy never puts an older one over a newer one. The orchestrator's
own events go through `journal`, which guards a whole history.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

import msgspec
import structlog

from tidegate_chassis import jetstream, telemetry
from tidegate_chassis.clock import Clock
from tidegate_chassis.connection import Connection
from tidegate_chassis.errors import Conflict, Transient, UnknownOutcome
from tidegate_chassis.journal import EXPECTED_SEQUENCE, Journal
from tidegate_chassis.message import REVISION, Message, revision_of
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode, tag_of
from tidegate_contracts.controls import Control
from tidegate_contracts.dead import DeadLetter
from tidegate_contracts.envelope import MESSAGE_ID, Envelope
from tidegate_contracts.facts import AnyFact
from tidegate_contracts.guards import Guard
from tidegate_contracts.limits import REASON_LENGTH_MAX, REQUEST_BYTES_MAX
from tidegate_contracts.orders import RELEASES, Order
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.subjects import Service
from tidegate_contracts.telemetry import AnyTelemetry
from tidegate_contracts.topology import ORDERS, RELEASE_TTL_S
from tidegate_contracts.verdicts import AlertNotified
from tidegate_contracts.workload import WorkloadKey

PUBLISH_TIMEOUT_S: Final = 2.0
"""One try; the next one repeats the id."""
DEADLINE_S: Final = 15.0
RETRY_WAIT_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
KNOWN_ORDERS_MAX: Final = 10_000
TTL: Final = "Nats-TTL"

_log = structlog.get_logger(__name__)
_Result = TypeVar("_Result")


class _Standing(NamedTuple):
    sequence: int
    revision: int


class Reports(Protocol):
    """As much of a publisher as a worker needs."""

    async def report(self, key: WorkloadKey, fact: AnyFact, *, cause: str = "", id: str | None = None) -> int: ...  # noqa: A002

    async def observe(self, key: WorkloadKey, rollout: str, progress: AnyTelemetry) -> None: ...


class Asking(Protocol):
    """As much of a publisher as somebody needs who asks for rollouts, as anyone may."""

    async def request(self, key: WorkloadKey, request: RolloutRequested) -> None: ...

    async def control(self, key: WorkloadKey, rollout: str, control: Control, *, id: str) -> None: ...  # noqa: A002


class Publisher:
    """Publishes under one service's name."""

    def __init__(self, connection: Connection, service: str, clock: Clock) -> None:
        self._connection = connection
        self._service = service
        self._clock = clock
        self._journal = Journal(connection, service, clock)
        self._known: dict[str, _Standing] = {}
        """The last order seen on a subject: a guess that saves a read, proved by the compare-and-set."""

    async def report(self, key: WorkloadKey, fact: AnyFact, *, cause: str = "", id: str | None = None) -> int:  # noqa: A002
        """Appends a fact to the workload's history and returns its sequence.

        Raises:
            Transient: it is not stored.
            UnknownOutcome: it may be stored; saying it again under the same id is harmless.
            Permanent: it can't be stored, whatever time passes.
        """
        subject = subjects.event(key, fact.rollout, _worker(self._service), tag_of(fact))
        payload = encode(fact)
        identity = id or hashlib.sha256(subject.encode() + b"\n" + payload).hexdigest()[:32]
        headers = self._headers(identity, fact, cause)
        return await self._until_stored(subject, lambda: self._publish(subject, payload, headers))

    async def observe(self, key: WorkloadKey, rollout: str, progress: AnyTelemetry) -> None:
        """Telemetry: sent if it can be sent now, dropped otherwise; nobody decides on it."""
        if not self._connection.is_online:
            return
        subject = subjects.telemetry(key, rollout, _worker(self._service))
        payload = encode(progress)
        headers = self._headers(hashlib.sha256(subject.encode() + payload).hexdigest()[:32], progress, "")
        try:
            await jetstream.send(self._connection, subject, payload, headers)
        except Transient as error:
            _log.debug("telemetry dropped", subject=subject, reason=error.reason)

    async def order(self, service: Service, key: WorkloadKey, order: Order, *, cause: str = "") -> bool:
        """Puts an order in place unless a newer one stands; True when this revision stands. Errors as in `report`."""
        subject = subjects.order(service, key)
        headers = self._headers(f"{subject}:{order.revision}", order, cause) | {REVISION: str(order.revision)}
        # The compare-and-set alone guards an order: by its id, one that is gone could not be put back for a while.
        del headers[MESSAGE_ID]
        if isinstance(order, RELEASES):
            headers[TTL] = f"{RELEASE_TTL_S}s"
        payload = encode(order)
        return await self._until_stored(subject, lambda: self._place(subject, payload, headers, order.revision))

    async def request(self, key: WorkloadKey, request: RolloutRequested) -> None:
        """Asks for a rollout of the workload; asking again for the same id is harmless. Errors as in `report`."""
        assert request.rollout is not None, "who asks twice has to name the rollout"
        subject = subjects.requests(key.cluster, key.namespace)
        headers = self._headers(f"{key.namespace}/{request.rollout}", request, "")
        await self._until_stored(subject, lambda: self._publish(subject, encode(request), headers))

    async def control(self, key: WorkloadKey, rollout: str, control: Control, *, id: str) -> None:  # noqa: A002
        """Steers a rollout; saying it again under the same id is harmless. Errors as in `report`."""
        subject = subjects.controls(key.cluster, key.namespace, rollout)
        headers = self._headers(id, control, "")
        await self._until_stored(subject, lambda: self._publish(subject, encode(control), headers))

    async def alert(self, cluster: str, namespace: str, alert: AlertNotified) -> None:
        """Tells of an alert; telling again of the same one is harmless. Errors as in `report`."""
        subject = subjects.alerts(cluster, namespace)
        payload = encode(alert)
        identity = f"{subject}/{alert.fingerprint}/{alert.starts_at_s!r}/{alert.status}"
        headers = self._headers(hashlib.sha256(identity.encode()).hexdigest()[:32], alert, "")
        await self._until_stored(subject, lambda: self._publish(subject, payload, headers))

    async def guard(self, key: WorkloadKey, guard: Guard, *, id: str, expected_sequence: int) -> None:  # noqa: A002
        """Puts a guard behind the one that was read last; one try, and `Conflict` where another stands by now."""
        subject = subjects.guard(key)
        headers = self._headers(id, guard, "") | {EXPECTED_SEQUENCE: str(expected_sequence)}
        await self._publish(subject, encode(guard), headers)
        telemetry.PUBLISHED.labels(telemetry.template(subject), "stored").inc()

    async def dead(self, message: Message, reason: str, problems: Sequence[Problem] = ()) -> None:
        """Keeps a message that nobody can handle, with the reason. Errors as in `report`."""
        letter = DeadLetter(
            service=self._service,
            subject=message.subject,
            stream=message.stream,
            sequence=message.sequence,
            reason=printable(reason)[:REASON_LENGTH_MAX],
            problems=tuple(problems),
            headers={name: printable(value) for name, value in message.headers.items()},
            payload=message.payload[:REQUEST_BYTES_MAX],
            truncated=len(message.payload) > REQUEST_BYTES_MAX,
            deliveries=message.deliveries,
            at_s=self._clock.now_s(),
        )
        subject = subjects.dead(self._service)
        headers = self._headers(f"dead:{message.stream}:{message.sequence}:{message.id}"[:200], letter, message.id)
        await self._until_stored(subject, lambda: self._publish(subject, encode(letter), headers))
        telemetry.DEAD_LETTERS.labels(telemetry.template(message.subject)).inc()

    def _headers(self, identity: str, message: msgspec.Struct, cause: str) -> dict[str, str]:
        return Envelope(
            id=identity,
            type=tag_of(message),
            source=self._service,
            time_s=self._clock.now_s(),
            cause=cause,
            traceparent=telemetry.traceparent(),
        ).headers()

    async def _publish(self, subject: str, payload: bytes, headers: dict[str, str]) -> int:
        ack = await jetstream.publish(self._connection, subject, payload, dict(headers), timeout_s=PUBLISH_TIMEOUT_S)
        return ack.seq

    async def _place(self, subject: str, payload: bytes, headers: dict[str, str], revision: int) -> bool:
        standing = self._known.get(subject) or await self._standing(subject)
        if standing.revision >= revision:
            # Only what was just read is the truth; what was remembered may have aged out or been restored.
            standing = await self._standing(subject)
            if standing.revision >= revision:
                return standing.revision == revision
        try:
            sequence = await self._publish(subject, payload, headers | {EXPECTED_SEQUENCE: str(standing.sequence)})
        except (Conflict, UnknownOutcome):
            self._known.pop(subject, None)
            raise
        self._remember(subject, _Standing(sequence, revision))
        return True

    async def _standing(self, subject: str) -> _Standing:
        last = await self._journal.last(ORDERS, subject)
        if last is None:
            return _Standing(0, -1)
        standing = _Standing(last.sequence, revision_of(last.headers) or 0)
        self._remember(subject, standing)
        return standing

    def _remember(self, subject: str, standing: _Standing) -> None:
        if len(self._known) >= KNOWN_ORDERS_MAX:
            self._known.pop(next(iter(self._known)))
        self._known[subject] = standing

    async def _until_stored(self, subject: str, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Tries until it is settled; a conflict here means that a better look is needed, which the next try takes."""
        deadline_s = self._clock.monotonic_s() + DEADLINE_S
        for tries in range(1_000):
            try:
                result = await attempt()
            except (Transient, UnknownOutcome, Conflict) as error:
                wait_s = RETRY_WAIT_S[min(tries, len(RETRY_WAIT_S) - 1)]
                if self._clock.monotonic_s() + wait_s > deadline_s:
                    telemetry.PUBLISHED.labels(telemetry.template(subject), type(error).__name__).inc()
                    raise
                await self._clock.sleep(wait_s)
            else:
                telemetry.PUBLISHED.labels(telemetry.template(subject), "stored").inc()
                return result
        raise UnknownOutcome(f"{subject} was tried too often")


def _worker(service: str) -> Service:
    """The service as a subject token; a tool that is none of the services has no business here."""
    for known in subjects.SERVICES:
        if service == known:
            return known
    raise ValueError(f"{service!r} publishes no events")
