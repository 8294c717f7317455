"""What should be true now, said absolutely by the orchestrator to one service. Never a delta, never a question.

A service holds the newest order of a workload and keeps the world there (see the chassis' standing orders).
`revision` is a number in the workload's history that only grows: it fences every write made for the order.
"""

from typing import Literal

import msgspec

from tidegate_contracts.rollout import (
    Analysis,
    CanaryMetadata,
    Change,
    HeaderChange,
    HttpMatch,
    Style,
    TrafficReference,
)
from tidegate_contracts.workload import WorkloadReference


class _Order(msgspec.Struct, frozen=True, kw_only=True):
    rollout: str
    revision: int
    workload: WorkloadReference
    step: int = 0
    """The step, from 1, that the order serves; 0 before the first."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """How many pods: exactly one of a count and a percentage of the workload's replicas, rounded up."""

    count: int | None = None
    percent: int | None = None


class PrepareWorkload(_Order, frozen=True, kw_only=True, tag="order.prepare-workload.v1"):
    """Look, try the change without making it, and report the revisions; nothing is written."""

    change: Change | None = None
    style: Style = "partition"
    canary_metadata: CanaryMetadata | None = None


class ApplyBatch(_Order, frozen=True, kw_only=True, tag="order.apply-batch.v1"):
    """So many pods on the new revision, ready; the rest stay on the stable one."""

    change: Change | None
    target: Target
    template_digest: str
    stable_revision: str
    canary_revision: str | None = None
    """Known from the first ready batch on; the template must still be this revision's."""
    settle: bool = True
    """False: only add pods, keep the stable ones as far as the user's limits allow (traffic still flows to them).
    True: stable pods go, until new and stable together are the workload's replicas. In the styles canary and blue_green
    every stable pod stays whatever this says, and a ready batch is a settled one."""
    stable_minimum: int = 0
    """Stable pods that must stay while they get traffic."""
    batch: int = 1
    earlier: tuple[Target, ...] = ()
    """Of the batches before this one, for the labels of their pods: one that is lost leaves a place in its batch."""
    ready_before: int = 0
    """Pods of the new revision that get traffic since an earlier order. Where fewer stay ready, the batch is degraded,
    whether or not this order's holder has ever seen them ready; it doesn't wait for the progress deadline."""
    progress_deadline_s: float = 600.0
    style: Style = "partition"
    canary_metadata: CanaryMetadata | None = None
    failure_threshold: Target | None = None
    """Pods of the batch that may be unready; a percentage is of the batch's pods. One is ready whatever this says."""
    pod_labels: dict[str, str] = {}
    """Beside our own; see the request's."""
    baseline: bool = False
    """True: beside it, as many pods of the stable revision as the batch has new ones, for as long as this order stands.
    Nothing waits for them, and every other order takes them away."""
    going_back: bool = False
    """True: so many pods of the new revision may stay, and all others become stable ones again, which have to be ready.
    No request reaches the new pods, and none of them has to be. Only in the style partition, and only to go on back."""


class PromoteWorkload(_Order, frozen=True, kw_only=True, tag="order.promote-workload.v1"):
    """Every pod of the workload itself on the new revision, by its own strategy. Pods beside it, such as the canary
    style's extra Deployment, stay: they still get the traffic. In the style partition nobody is told this.
    """

    style: Style
    change: Change | None
    template_digest: str
    stable_revision: str
    canary_revision: str | None
    canary_metadata: CanaryMetadata | None = None
    progress_deadline_s: float = 600.0


class ReleaseWorkload(_Order, frozen=True, kw_only=True, tag="order.release-workload.v1"):
    """The last order: give the workload back with its own strategy. Acked when done."""

    mode: Literal["promote", "restore", "let_go"]
    """promote: the new revision everywhere. restore: the stable one everywhere. let_go: as it is, natively."""
    stable_revision: str | None = None
    progress_deadline_s: float = 600.0
    style: Style = "partition"
    """How the workload was held: says whether pods beside it, or marks on it, have to go."""


class PlannedShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a step will ask of the routes, as its `ShiftTraffic` says it then."""

    step: int
    """The first that asks for it."""
    weight_percent: int
    matches: tuple[HttpMatch, ...] = ()
    request_headers: HeaderChange | None = None
    mirror_percent: int = 0


class ShiftTraffic(_Order, frozen=True, kw_only=True, tag="order.shift-traffic.v1"):
    """This share, and these requests, to the new revision; the stable Service pinned to the stable one."""

    traffic: tuple[TrafficReference, ...]
    stable_revision: str
    canary_revision: str | None
    """None while the weight is 0 and no pod of the new revision exists."""
    canary_pods: int = 0
    """So many of the new revision's pods were ready: a share waits a while for as many endpoints."""
    weight_percent: int
    matches: tuple[HttpMatch, ...] = ()
    request_headers: HeaderChange | None = None
    """What is changed in the requests that reach the new revision."""
    mirror_percent: int = 0
    """So many of the requests are copied to the new revision; its answers to the copies reach nobody."""
    deadline_s: float = 60.0
    lowering: bool = False
    """True where pods of the side that loses traffic go next: report only after the grace period."""
    planned: tuple[PlannedShare, ...] = ()
    """Before the first new pod, what the steps will ask for. Nothing of it is written, but where a route has no words
    for it, the order is refused."""


class MarkRequests(_Order, frozen=True, kw_only=True, tag="order.mark-requests.v1"):
    """These requests, or this share of them, with changed headers to the same Service as ever: whoever is asked further
    on tells them by it. No Service is made or touched, and `workload` is what the order is given for, which is none.
    """

    traffic: tuple[TrafficReference, ...]
    headers: HeaderChange
    weight_percent: int = 100
    """Only where there are no matches."""
    matches: tuple[HttpMatch, ...] = ()
    deadline_s: float = 60.0


class ReleaseTraffic(_Order, frozen=True, kw_only=True, tag="order.release-traffic.v1"):
    """The last order: the user's own route and Service as they were. Acked when done."""

    traffic: tuple[TrafficReference, ...]
    deadline_s: float = 60.0


class Analyse(_Order, frozen=True, kw_only=True, tag="order.analyse.v1"):
    """Judge the step (`step_analysis`) and, beside it, the rollout (`background_analysis`)."""

    stable_revision: str
    canary_revision: str | None
    step_analysis: Analysis | None = None
    background_analysis: Analysis | None = None
    since_s: float = 0.0
    """Epoch seconds: measurements before this say nothing about the step."""
    watch_until_s: float = 0.0
    """Epoch seconds; above 0 `step_analysis` is the bake's: it goes on until then, and doesn't pass before."""
    deadline_s: float = 3600.0


class ReleaseAnalysis(_Order, frozen=True, kw_only=True, tag="order.release-analysis.v1"):
    """The last order: measure nothing more. Acked at once."""


WorkloadOrder = PrepareWorkload | ApplyBatch | PromoteWorkload | ReleaseWorkload
TrafficOrder = ShiftTraffic | ReleaseTraffic
RouteOrder = TrafficOrder | MarkRequests
"""What the traffic-shifter is told: by the orchestrator, and, of requests to be marked, by the rollout-operator."""
AnalysisOrder = Analyse | ReleaseAnalysis
Order = WorkloadOrder | RouteOrder | AnalysisOrder

RELEASES = (ReleaseWorkload, ReleaseTraffic, ReleaseAnalysis)
"""Orders that end with their being carried out; all others stand until a newer one comes."""
