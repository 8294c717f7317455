"""The bus as data: every stream and durable consumer, with its limits. No client library is imported here.

The chassis declares it and checks it for drift; `deploy/nats` grants permissions on these names. A durable's
name is never used again with another filter.
"""

from typing import Final, Literal

import msgspec

from tidegate_contracts import subjects
from tidegate_contracts.limits import (
    ALERT_BYTES_MAX,
    CONTROL_BYTES_MAX,
    EVENT_BYTES_MAX,
    REQUEST_BYTES_MAX,
    TIMER_BYTES_MAX,
    VERDICT_BYTES_MAX,
)
from tidegate_contracts.subjects import WORKERS, Service

MEBIBYTE: Final = 1024 * 1024
DAY_S: Final = 86_400
DEFAULT_CLUSTER: Final = "default"

REQUESTS: Final = "TIDEGATE_REQUESTS"
CONTROLS: Final = "TIDEGATE_CONTROLS"
GUARDS: Final = "TIDEGATE_GUARDS"
VERDICTS: Final = "TIDEGATE_VERDICTS"
ALERTS: Final = "TIDEGATE_ALERTS"
EVENTS: Final = "TIDEGATE_EVENTS"
ORDERS: Final = "TIDEGATE_ORDERS"
TIMERS: Final = "TIDEGATE_TIMERS"
TELEMETRY: Final = "TIDEGATE_TELEMETRY"
PROGRESS: Final = "TIDEGATE_PROGRESS"
DEAD: Final = "TIDEGATE_DEAD"

SERVICES_API: Final = "$JS.API"
"""The JetStream API as the services' account has it."""
PEOPLE_API: Final = "tidegate.api"
"""The parts of it that are imported into the account of people and tools (deploy/nats)."""

RELEASE_TTL_S: Final = 30 * DAY_S
"""A release order stays as its subject's last message for this long; other orders never age."""


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    subjects: tuple[str, ...]
    message_bytes_max: int
    bytes_max: int
    age_max_s: float = 0
    """0: messages never age."""
    messages_per_subject_max: int = -1
    discard: Literal["old", "new"] = "new"
    """new: a full stream refuses; old: it forgets."""
    storage: Literal["file", "memory"] = "file"
    duplicate_window_s: float = 120
    deny_delete: bool = False
    deny_purge: bool = False
    allow_atomic: bool = False
    allow_schedules: bool = False
    allow_message_ttl: bool = False


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """A durable pull consumer with explicit acks; deliveries are counted by us, never limited by the server."""

    stream: str
    name: str
    filters: tuple[str, ...]
    ack_wait_s: float
    ack_pending_max: int


STREAMS: Final = (
    Stream(
        name=REQUESTS,
        subjects=(f"{subjects.ROOT}.requests.*.*",),
        message_bytes_max=REQUEST_BYTES_MAX,
        bytes_max=256 * MEBIBYTE,
        age_max_s=30 * DAY_S,
    ),
    Stream(
        name=CONTROLS,
        subjects=(f"{subjects.ROOT}.controls.*.*.*",),
        message_bytes_max=CONTROL_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        age_max_s=30 * DAY_S,
    ),
    Stream(
        name=GUARDS,
        subjects=(f"{subjects.ROOT}.guards.*.*.*.*",),
        message_bytes_max=REQUEST_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        messages_per_subject_max=1,
    ),
    Stream(
        name=VERDICTS,
        subjects=(f"{subjects.ROOT}.verdicts.*.*.*.*",),
        message_bytes_max=VERDICT_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        age_max_s=30 * DAY_S,
    ),
    Stream(
        name=ALERTS,
        subjects=(f"{subjects.ROOT}.alerts.*.*",),
        message_bytes_max=ALERT_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        age_max_s=2 * DAY_S,
        discard="old",
    ),
    Stream(
        name=EVENTS,
        subjects=(subjects.ALL_EVENTS,),
        message_bytes_max=EVENT_BYTES_MAX,
        bytes_max=1024 * MEBIBYTE,
        deny_delete=True,
        deny_purge=True,
        allow_atomic=True,
    ),
    Stream(
        name=ORDERS,
        subjects=(f"{subjects.ROOT}.orders.>",),
        message_bytes_max=EVENT_BYTES_MAX,
        bytes_max=256 * MEBIBYTE,
        messages_per_subject_max=1,
        discard="old",
        allow_message_ttl=True,
    ),
    Stream(
        name=TIMERS,
        subjects=(f"{subjects.ROOT}.timers.>",),
        message_bytes_max=TIMER_BYTES_MAX,
        bytes_max=-1,
        discard="old",
        allow_schedules=True,
    ),
    Stream(
        name=TELEMETRY,
        subjects=(subjects.ALL_TELEMETRY,),
        message_bytes_max=EVENT_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        age_max_s=3600,
        discard="old",
        storage="memory",
    ),
    Stream(
        name=PROGRESS,
        subjects=(subjects.ALL_PROGRESS,),
        message_bytes_max=EVENT_BYTES_MAX,
        bytes_max=64 * MEBIBYTE,
        age_max_s=DAY_S,
        messages_per_subject_max=1,
        discard="old",
        storage="memory",
    ),
    Stream(
        name=DEAD,
        subjects=(subjects.ALL_DEAD,),
        message_bytes_max=2 * EVENT_BYTES_MAX,
        bytes_max=256 * MEBIBYTE,
        age_max_s=30 * DAY_S,
        discard="old",
    ),
)


def orders_consumer(service: Service, cluster: str) -> Consumer:
    """The orders of a service in one cluster, shared by all of its copies. A holder's heartbeats keep an order."""
    return Consumer(
        stream=ORDERS,
        name=f"{service}--orders--{cluster}",
        filters=(subjects.orders_of(service, cluster),),
        ack_wait_s=5,
        ack_pending_max=20_000,
    )


def _orchestrator_consumer(stream: str, name: str, filters: tuple[str, ...]) -> Consumer:
    return Consumer(stream=stream, name=f"orchestrator--{name}", filters=filters, ack_wait_s=10, ack_pending_max=1000)


REQUESTS_CONSUMER: Final = _orchestrator_consumer(REQUESTS, "requests", (f"{subjects.ROOT}.requests.*.*",))
CONTROLS_CONSUMER: Final = _orchestrator_consumer(CONTROLS, "controls", (f"{subjects.ROOT}.controls.*.*.*",))
FACTS_CONSUMER: Final = _orchestrator_consumer(EVENTS, "facts", tuple(map(subjects.facts_of, WORKERS)))
TIMERS_CONSUMER: Final = _orchestrator_consumer(TIMERS, "timers", (subjects.TIMERS_DUE,))
AUDITOR_CONSUMER: Final = Consumer(
    stream=EVENTS, name="auditor--events", filters=(subjects.ALL_EVENTS,), ack_wait_s=60, ack_pending_max=1000
)
"""One outsider's place in the history, kept by the server; readers of their own need no consumer at all."""


def consumers(clusters: tuple[str, ...] = (DEFAULT_CLUSTER,)) -> tuple[Consumer, ...]:
    """Every durable consumer, for the clusters that are served."""
    return (
        REQUESTS_CONSUMER,
        CONTROLS_CONSUMER,
        FACTS_CONSUMER,
        TIMERS_CONSUMER,
        AUDITOR_CONSUMER,
        *(orders_consumer(service, cluster) for cluster in clusters for service in WORKERS),
    )
