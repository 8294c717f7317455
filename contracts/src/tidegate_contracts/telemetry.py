"""Progress for eyes and dashboards. Losing it loses nothing; nobody decides on it."""

import msgspec

from tidegate_contracts.facts import Measurement, PodCounts


class PodsProgressed(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry.pods-progressed.v1"):
    rollout: str
    at_s: float
    step: int
    target_pods: int
    counts: PodCounts
    waiting_for: str = ""


class TrafficObserved(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry.traffic-observed.v1"):
    rollout: str
    at_s: float
    weight_asked_percent: int
    accepted: bool
    waiting_for: str = ""


class MetricsMeasured(msgspec.Struct, frozen=True, kw_only=True, tag="telemetry.metrics-measured.v1"):
    rollout: str
    at_s: float
    step: int
    measurements: tuple[Measurement, ...]


AnyTelemetry = PodsProgressed | TrafficObserved | MetricsMeasured
