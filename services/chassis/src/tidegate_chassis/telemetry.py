"""Traces and metrics: one span per handled message, linked across services by `traceparent`; labels without rollouts.

`service` configures it once. The API of OpenTelemetry is always there and costs little; its SDK and the exporter
are imported only where an OTLP endpoint is set. Metrics label subjects by their template, never by a name.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from tidegate_contracts.envelope import TRACEPARENT

if TYPE_CHECKING:
    from tidegate_chassis.message import Message

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_SUBJECT_KEPT_TOKENS: Final = 2
_FAST_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_WEBHOOK_S: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.5, 2.0)
"""Up to the time that the API server waits, and closest around what it should take."""

HANDLED = Counter("tidegate_messages_handled_total", "Messages handled, by how it ended", ("subject", "outcome"))
HANDLE_SECONDS = Histogram(
    "tidegate_message_handle_seconds", "Time from delivery to ack", ("subject",), buckets=_FAST_S
)
PUBLISHED = Counter("tidegate_messages_published_total", "Messages published, by how it ended", ("subject", "outcome"))
DEAD_LETTERS = Counter("tidegate_dead_letters_total", "Messages given up on", ("subject",))
WEBHOOK_SECONDS = Histogram(
    "tidegate_webhook_seconds", "Time from a review's arrival to its answer", ("path",), buckets=_WEBHOOK_S
)
ORDERS_HELD = Gauge("tidegate_orders_held", "Orders that this copy holds")
ORDERS_TAKEN = Counter(
    "tidegate_orders_taken_total", "Orders taken, by whether it was their first delivery", ("delivery",)
)
ORDERS_ENDED = Counter("tidegate_orders_ended_total", "Orders no longer held, by why", ("reason",))
HEARTBEAT_SECONDS = Histogram(
    "tidegate_order_heartbeat_seconds", "Time of one heartbeat of all held orders", (), buckets=_FAST_S
)
PULL_RESTARTS = Counter(
    "tidegate_pull_restarts_total", "Pulls that had to be asked for anew, by why", ("consumer", "reason")
)


def template(subject: str) -> str:
    """A subject without its names, as in `tidegate.events.workload-controller.batch-ready`."""
    tokens = subject.split(".")
    kept = tokens[:_SUBJECT_KEPT_TOKENS]
    match tokens[1:2]:
        case ["events"]:
            kept += tokens[7:9]
        case ["orders"]:
            kept += tokens[2:3]
        case ["timers" | "dead"]:
            kept += tokens[2:3]
        case _:
            pass
    return ".".join(kept)


def traceparent() -> str:
    """The present span for a message's headers; empty without one."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(TRACEPARENT, "")


@contextmanager
def message_span(message: "Message") -> Iterator[trace.Span]:
    """The span in which a message is handled, a child of the span that published it."""
    with _span(message, end_on_exit=True) as span:
        yield span


@contextmanager
def order_span(message: "Message") -> Iterator[trace.Span]:
    """As `message_span` for what may last for days: the span ends at once, what is done for it still names it."""
    with _span(message, end_on_exit=False) as span:
        span.end()
        yield span


@contextmanager
def _span(message: "Message", *, end_on_exit: bool) -> Iterator[trace.Span]:
    parent = _PROPAGATOR.extract(dict(_trace_headers(message.headers)))
    attributes: dict[str, str | int] = {
        "messaging.system": "nats",
        "messaging.destination.name": message.subject,
        "messaging.destination.template": template(message.subject),
        "messaging.message.id": message.id,
        "tidegate.deliveries": message.deliveries,
    }
    tracer = trace.get_tracer("tidegate")
    with tracer.start_as_current_span(
        f"process {template(message.subject)}",
        context=parent,
        kind=trace.SpanKind.CONSUMER,
        attributes=attributes,
        end_on_exit=end_on_exit,
    ) as span:
        yield span


def _trace_headers(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in (TRACEPARENT, "tracestate"):
        if name in headers:
            yield name, headers[name]


def configure(service: str, otlp_endpoint: str) -> None:
    """Sends spans to the endpoint; without one, only `traceparent` is passed on."""
    if not otlp_endpoint:
        return
    from tidegate_chassis.tracing import export_spans  # noqa: PLC0415 - the SDK and its exporter cost 20 MB

    export_spans(service, otlp_endpoint)
