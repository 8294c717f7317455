"""The SDK side of tracing: batches spans off to an OTLP endpoint.

Imported by `telemetry.configure` only where an endpoint is set, so that a service without traces doesn't carry the
SDK and its exporter in memory. The exporter is the extra `tracing`.
"""

from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

EXPORT_TIMEOUT_S: Final = 5
QUEUE_SPANS_MAX: Final = 2048


def export_spans(service: str, endpoint: str) -> None:
    """`endpoint` is the collector's base URL, as in `http://collector:4318`."""
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_TIMEOUT_S)
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=QUEUE_SPANS_MAX))
    trace.set_tracer_provider(provider)
