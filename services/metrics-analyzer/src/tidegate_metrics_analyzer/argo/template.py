"""An AnalysisTemplate or ClusterAnalysisTemplate as the API server stores it. Pure; decoded by `cluster_templates`.

Only the envelope is typed: what stands below `provider` is handed to the metric provider that its key names. Limits
are numbers or texts, since texts may hold arguments; `metric` makes numbers of them.
"""

from typing import Any

import msgspec

NumberOrText = int | str


class _Camel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class SecretKeyReference(_Camel, frozen=True):
    name: str = ""
    key: str = ""


class ValueFrom(_Camel, frozen=True):
    secret_key_ref: SecretKeyReference | None = None


class Argument(_Camel, frozen=True):
    name: str
    value: str | None = None
    value_from: ValueFrom | None = None

    @property
    def secret(self) -> SecretKeyReference | None:
        return self.value_from.secret_key_ref if self.value_from is not None else None


class DryRun(_Camel, frozen=True):
    metric_name: str = ""


class MeasurementRetention(_Camel, frozen=True):
    metric_name: str = ""
    limit: int = 0


class TemplateName(_Camel, frozen=True):
    template_name: str = ""
    cluster_scope: bool = False


class Metric(_Camel, frozen=True):
    name: str = ""
    interval: str = ""
    initial_delay: str = ""
    count: NumberOrText | None = None
    success_condition: str = ""
    failure_condition: str = ""
    failure_limit: NumberOrText | None = None
    inconclusive_limit: NumberOrText | None = None
    consecutive_error_limit: NumberOrText | None = None
    consecutive_success_limit: NumberOrText | None = None
    provider: dict[str, Any] = {}


class Specification(_Camel, frozen=True):
    """A template's `spec`, and what several templates together come to."""

    metrics: tuple[Metric, ...] = ()
    args: tuple[Argument, ...] = ()
    dry_run: tuple[DryRun, ...] = ()
    measurement_retention: tuple[MeasurementRetention, ...] = ()
    templates: tuple[TemplateName, ...] = ()


class Template(_Camel, frozen=True):
    spec: Specification = Specification()
