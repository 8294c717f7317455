"""What a requester says: which workload, what change, in which steps, judged how. The body of one request.

Anyone publishes it to `subjects.requests(...)`; `validate` says what is wrong with it and `plan` what it means.
Unknown fields are refused in requests (a misspelt `pauses` must not be ignored): `codec.decode_request` does that.
The same structs inside events and orders stay open, so that an older reader can read a newer version's.
"""

from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from tidegate_contracts.built_in import MetricName, MetricSource
from tidegate_contracts.comparison import Comparison
from tidegate_contracts.outside import AlertWatch, AwaitedVerdict
from tidegate_contracts.score import Criticality, Score
from tidegate_contracts.templates import Quirks, TemplateArgument, TemplateReference
from tidegate_contracts.workload import WorkloadReference

QUERY_VARIABLES: Final = ("namespace", "workload", "revision", "stable_revision", "window", "pods")
BATCH: Final = "{{batch}}"
"""In a value of `pod_labels`."""
Seconds = Annotated[float, msgspec.Meta(description="a duration in seconds")]

Style = Literal["partition", "canary", "blue_green"]
"""partition: old and new pods share the workload's replicas. canary: new pods come beside it, in a Deployment of their
own. blue_green: the workload itself grows by the new pods. In the last two every old pod stays until the promotion."""
STYLES: Final[tuple[Style, ...]] = get_args(Style)
_STYLE_BY_NAME: Final[dict[str, Style]] = {style: style for style in STYLES}


def style_named(text: str) -> Style:
    """The style of this name; partition for any other text."""
    return _STYLE_BY_NAME.get(text, "partition")


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The new version: images by container name, a strategic-merge patch of the pod template, or both."""

    images: dict[str, str] = {}
    template_patch: dict[str, Any] | None = None


class GrpcMethod(msgspec.Struct, frozen=True, kw_only=True):
    """A gRPC call by its exact names; a service alone means all of its methods."""

    service: str | None = None
    method: str | None = None


class HttpMatch(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that reach the new version whatever the weight: all that is given must be true at once.

    Patterns are regular expressions in the router's own dialect. Which of these a router can say is in `routers`.
    """

    headers: dict[str, str] = {}
    headers_regex: dict[str, str] = {}
    query: dict[str, str] = {}
    query_regex: dict[str, str] = {}
    path_prefix: str | None = None
    path_exact: str | None = None
    path_regex: str | None = None
    grpc: GrpcMethod | None = None


class HeaderChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a request's headers on its way: removed, then set, then added to what is there."""

    set: dict[str, str] = {}
    add: dict[str, str] = {}
    remove: tuple[str, ...] = ()


class StepTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """The share or the kind of requests that reach the new version once the step's pods are ready."""

    weight_percent: int | None = None
    matches: tuple[HttpMatch, ...] = ()
    request_headers: HeaderChange | None = None
    mirror_percent: int | None = None
    """So many percent of the requests are copied to the new version; whoever asked never sees its answers."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """A wait at the end of a step: for a time, or, without one, until somebody approves."""

    duration_s: Seconds | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One measured value and the range in which it must stay: a `query`, or a `metric` that is known by its name.

    `query` and `minimum_samples_query` may hold `{{namespace}}`, `{{workload}}`, `{{revision}}`, `{{stable_revision}}`
    and `{{window}}`; where the analysis has a fresh baseline also `{{pods}}`, a regular expression for pods' names.
    Missing, stale, NaN or too few samples are inconclusive, never a pass. With `compare` there is no range: the value
    is judged against the stable revision's.
    """

    name: str
    query: str = ""
    provider: str = "prometheus"
    minimum: float | None = None
    maximum: float | None = None
    window_s: Seconds = 30.0
    interval_s: Seconds = 1.0
    count: int = 3
    """Measurements within the range that make a pass."""
    failure_limit: int = 2
    """Consecutive measurements out of the range that make a fail."""
    inconclusive_limit: int = 10
    """Consecutive measurements without a usable value that make an inconclusive verdict."""
    consecutive_error_limit: int = 4
    """So many of the provider's errors in a row are borne; one more makes an inconclusive verdict."""
    initial_delay_s: Seconds = 0.0
    minimum_samples_query: str | None = None
    """Counts the events behind the value; below `minimum_samples` the measurement is inconclusive."""
    minimum_samples: float = 1.0
    compare: Comparison | None = None
    metric: MetricName | None = None
    source: MetricSource | None = None
    """Which proxy's metrics of requests; those of pods need none."""
    service: str | None = None
    """The Service, or Envoy's cluster, that the counted requests go to; None: the workload's name and `-canary`."""
    dry_run: bool = False
    """It is measured and told of, but decides nothing."""
    groups: tuple[str, ...] = ()
    """Of the analysis' score: where the check counts."""
    criticality: Criticality = "normal"
    """Of the analysis' score: whether it makes up for this check's failing."""


class PodHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Built-in checks on the new revision's pods, from the cluster's own metrics."""

    restarts_maximum: int = 0
    ready_minimum_percent: float = 100.0


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged: checks written here, the pods' health, Argo's analysis templates by their names, and what is told
    from outside.
    """

    checks: tuple[Check, ...] = ()
    pod_health: PodHealth | None = None
    templates: tuple[TemplateReference, ...] = ()
    """Taken together as one analysis, as Argo does; read when it begins."""
    arguments: tuple[TemplateArgument, ...] = ()
    """Values for what the templates declare."""
    dry_run: tuple[str, ...] = ()
    """Metrics of the templates that decide nothing: regular expressions that are looked for in their names."""
    quirks: Quirks = "argo"
    verdicts: tuple[AwaitedVerdict, ...] = ()
    """Given by somebody outside, over the bus."""
    alerts: tuple[AlertWatch, ...] = ()
    """Of an Alertmanager, which fail at once."""
    baseline: Literal["stable", "fresh"] = "stable"
    """What checks compare with: the stable revision's pods, or as many of it as there are new ones, made for that."""
    score: Score | None = None
    """How the checks are counted together; without it, each of them has to pass. Pod health and templates always have
    to."""
    on_failure: Literal["roll_back", "pause", "go_on"] | None = None
    """What a failing verdict leads to; None: what the request says. go_on: it is told of, and changes nothing."""
    on_inconclusive: Literal["roll_back", "pause"] = "pause"
    """Without a verdict nothing goes on: it waits for somebody, for ever or only so long as `answer_within_s` says."""
    answer_within_s: Seconds = 0.0
    """How long somebody may answer an inconclusive verdict before it rolls back; of no use where it pauses for ever."""
    extend_once: bool = False
    """Whether a step that is inconclusive is measured once more, from the start, before anything comes of it."""

    @property
    def fresh_baseline(self) -> bool:
        return self.baseline == "fresh"


class CanaryMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Merged into the metadata of the extra Deployment's pods, and of no others."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One batch: `replicas` is a count or a percentage such as `"20%"`, rounded up."""

    replicas: int | str
    traffic: StepTraffic | None = None
    pause: Pause | None = None
    analysis: Analysis | None = None


class Bake(msgspec.Struct, frozen=True, kw_only=True):
    """How long the way back stays open once the last step is done and the new version has all requests.

    What was held for the rollout stays held: in the styles canary and blue_green that is every old pod.
    """

    duration_s: Seconds
    analysis: Analysis | None = None
    """Goes on for all of that time. A failing verdict counts at once, a passing one is said at the end."""


class SessionAffinity(msgspec.Struct, frozen=True, kw_only=True):
    """Who came to the new version by its share stays with it: told again by a cookie, which the router sets."""

    cookie: str = "tidegate-version"
    max_age_s: int = 86_400


class TrafficReference(msgspec.Struct, frozen=True, kw_only=True):
    """A route of the user's and the Service behind it; the canary Service is made and removed by the router.

    Where `canary_service` is the Service itself, none is made, and the router tells versions apart by itself.
    """

    route: str
    service: str
    router: str = "gateway-http-route"
    canary_service: str | None = None
    kind: str | None = None
    """For the router `script`, which serves any kind: the route's, with its `api_version`."""
    api_version: str | None = None
    class_type: str | None = None
    """For the router `ingress-script`: which class's script says what a canary Ingress is."""
    grace_s: Seconds = 3.0
    """How long proxies and connections get after traffic has left, before pods go."""
    session_affinity: SessionAffinity | None = None


class Deadlines(msgspec.Struct, frozen=True, kw_only=True):
    progress_s: Seconds = 600.0
    """Without a further pod getting ready for this long, a batch has stalled."""
    traffic_s: Seconds = 60.0
    """A route that is not accepted for this long was refused."""
    analysis_s: Seconds = 3600.0
    """A step's analysis without a verdict for this long is inconclusive."""


FailureAction = Literal["roll_back", "pause"]

RollbackPace = Literal["at_once", "in_batches"]
"""at_once: the workload's own strategy brings the stable version back. in_batches: as many steps back as were done."""


class RolloutRequested(msgspec.Struct, frozen=True, kw_only=True, tag="rollout.requested.v1"):
    """The one event that starts a rollout."""

    workload: WorkloadReference
    steps: tuple[Step, ...]
    rollout: str | None = None
    """The rollout's id, unique in its namespace; made from the message's id where it is left out."""
    change: Change | None = None
    """Left out, the template that a paused workload already carries is rolled out."""
    strategy: str = "partition"
    """One of `STYLES`; any other text is told of by `validate`, not by the decoder."""
    canary_metadata: CanaryMetadata | None = None
    failure_threshold: int | str | None = None
    """Updated pods of a batch that may be unready: a count, or a percentage of the batch's pods, rounded up; none: 0.
    A batch with pods needs a ready one whatever this says."""
    traffic: tuple[TrafficReference, ...] = ()
    analysis: Analysis | None = None
    """Runs in the background from `analysis_from_step` to the end."""
    analysis_from_step: int = 1
    """Counted from 1: `analysis` begins when that step's pods and traffic are there."""
    bake: Bake | None = None
    """None: the rollout completes with its last step."""
    on_failure: FailureAction = "roll_back"
    rollback: RollbackPace = "at_once"
    """How pods go back, whoever says so, once no request reaches them. In the styles canary and blue_green every stable
    pod is still there, and nothing is left to do in batches."""
    deadlines: Deadlines = Deadlines()
    requested_by: str = ""
    reason: str = ""
    """Why, for the record, on one line."""
    paused_because: str = ""
    """Why it waits, on one line, before its first batch, paused until somebody resumes it; empty: it starts by itself.
    Of a guard it counts for every change."""
    pod_labels: dict[str, str] = {}
    """Further labels that each new pod gets once it is seen, beside our own: for tools that know them. `{{batch}}`
    in a value stands for the number of the step that the pod came in."""

    @property
    def analyses(self) -> tuple[tuple[str, Analysis], ...]:
        """All of them, each with the field that it stands in."""
        bake = self.bake.analysis if self.bake is not None else None
        steps = ((f"steps[{index}].analysis", step.analysis) for index, step in enumerate(self.steps))
        each = (*steps, ("analysis", self.analysis), ("bake.analysis", bake))
        return tuple((field, analysis) for field, analysis in each if analysis is not None)

    def background_at(self, step: int) -> Analysis | None:
        """What is measured in the background while that step is judged."""
        return self.analysis if step >= self.analysis_from_step else None

    @property
    def style(self) -> Style:
        """The strategy of a valid request."""
        return style_named(self.strategy)
