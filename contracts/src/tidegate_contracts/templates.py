"""Argo's AnalysisTemplates as an analysis names them, and as its evidence tells of them: data of `rollout` and `facts`.

`validate_templates` says what is wrong with a reference; the metrics-analyzer reads the templates and judges by them.
"""

from typing import Literal

import msgspec

Quirks = Literal["argo", "none"]
"""argo: templates are read as Argo reads them, its quirks included. none: without these (docs/templates.md)."""

Phase = Literal["Pending", "Running", "Successful", "Failed", "Inconclusive", "Error"]
"""Argo's own words, for a measurement, a metric and a whole run."""

Rule = Literal[
    "not_measured",
    "going_on",
    "failure_limit",
    "inconclusive_limit",
    "consecutive_error_limit",
    "consecutive_success_limit",
    "count",
    "count_without_success",
    "count_undecided",
    "terminated",
]
"""What decided on a metric. count_without_success and count_undecided: its measurements are used up, and there were
never `consecutive_success_limit` good ones in a row; the one without a failure limit, the other with one."""


class TemplateReference(msgspec.Struct, frozen=True, kw_only=True):
    """An AnalysisTemplate of the workload's namespace, or a ClusterAnalysisTemplate."""

    name: str
    cluster_scope: bool = False


class TemplateArgument(msgspec.Struct, frozen=True, kw_only=True):
    """A value for one of the arguments that the templates declare: exactly one of the three sources."""

    name: str
    value: str | None = None
    pod_template_hash: Literal["stable", "latest"] | None = None
    """The revision as the pods' label says it."""
    field_path: str | None = None
    """A field of the workload, such as `metadata.labels['region']` or `spec.replicas`."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: what came back, and what the conditions made of it."""

    at_s: float
    phase: Phase
    value: str = ""
    """As text, for people; cut to a limit, and without secrets."""


class Assessed(msgspec.Struct, frozen=True, kw_only=True):
    """What Argo's rules made of one metric: its conditions, its limits, its counts, and the rule that decided."""

    phase: Phase
    rule: Rule
    success_condition: str = ""
    failure_condition: str = ""
    dry_run: bool = False
    """It is measured and told of, and decides nothing."""
    count: int | None = None
    """Measurements in all; None: for as long as the analysis goes on."""
    failure_limit: int | None = 0
    """None: however many fail."""
    inconclusive_limit: int = 0
    consecutive_error_limit: int = 4
    consecutive_success_limit: int = 0
    """0: there is none."""
    counted: int = 0
    """Measurements without the errors, which don't count."""
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors: int = 0
    consecutive_errors: int = 0
    consecutive_successes: int = 0
    samples: tuple[Sample, ...] = ()
    """The last ones, oldest first."""
