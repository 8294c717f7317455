"""The parts of a Rollout's spec that are ours alone, in Kruise's spelling: analyses, a bake and deadlines. Pure.

Decoded as parts of `kruise`; `additions` says them as a request does. A field that is left out has the request's
default, and whoever adds one adds it to the manifest of deploy/kubernetes/crds, too.
"""

from typing import Literal

import msgspec

from tidegate_contracts.built_in import MetricName, MetricSource
from tidegate_contracts.score import Criticality
from tidegate_contracts.templates import Quirks


class Block(msgspec.Struct, frozen=True, rename="camel"):
    """A part of the spec, with Kruise's spelling of names."""


class CompareBlock(Block, frozen=True):
    direction: Literal["increase", "decrease", "either"]
    points: int | None = None
    tolerance_percent: float | None = None
    tolerance: float | None = None
    confidence_percent: float | None = None


class CheckBlock(Block, frozen=True, kw_only=True):
    """One measured value of an analysis."""

    name: str
    query: str | None = None
    metric: MetricName | None = None
    source: MetricSource | None = None
    service: str | None = None
    provider: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    window_seconds: float | None = None
    interval_seconds: float | None = None
    count: int | None = None
    failure_limit: int | None = None
    inconclusive_limit: int | None = None
    consecutive_error_limit: int | None = None
    initial_delay_seconds: float | None = None
    minimum_samples_query: str | None = None
    minimum_samples: float | None = None
    compare: CompareBlock | None = None
    dry_run: bool | None = None
    groups: tuple[str, ...] = ()
    criticality: Criticality | None = None


class PodHealthBlock(Block, frozen=True):
    restarts_maximum: int | None = None
    ready_minimum_percent: float | None = None


class TemplateBlock(Block, frozen=True):
    name: str
    cluster_scope: bool | None = None


class ArgumentBlock(Block, frozen=True):
    name: str
    value: str | None = None
    pod_template_hash: Literal["stable", "latest"] | None = None
    field_path: str | None = None


class VerdictBlock(Block, frozen=True):
    name: str
    signed_by: tuple[str, ...] = ()
    within_seconds: float | None = None


class AlertBlock(Block, frozen=True):
    name: str
    labels: dict[str, tuple[str, ...]]
    """Each with one of these values."""
    look_back_seconds: float | None = None


class ScoreBlock(Block, frozen=True):
    pass_score: float | None = None
    marginal_score: float | None = None
    weights: dict[str, float] = {}


class AnalysisBlock(Block, frozen=True):
    checks: tuple[CheckBlock, ...] = ()
    pod_health: PodHealthBlock | None = None
    templates: tuple[TemplateBlock, ...] = ()
    arguments: tuple[ArgumentBlock, ...] = ()
    dry_run: tuple[str, ...] = ()
    quirks: Quirks | None = None
    verdicts: tuple[VerdictBlock, ...] = ()
    alerts: tuple[AlertBlock, ...] = ()
    baseline: Literal["stable", "fresh"] | None = None
    score: ScoreBlock | None = None
    on_failure: Literal["RollBack", "Pause", "GoOn"] | None = None
    on_inconclusive: Literal["RollBack", "Pause"] | None = None
    answer_within_seconds: float | None = None
    extend_once: bool | None = None


class BakeBlock(Block, frozen=True):
    duration_seconds: float
    analysis: AnalysisBlock | None = None


class DeadlinesBlock(Block, frozen=True):
    progress_seconds: float | None = None
    traffic_seconds: float | None = None
    analysis_seconds: float | None = None
