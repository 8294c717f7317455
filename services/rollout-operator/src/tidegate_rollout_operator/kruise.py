"""Kruise's Rollout, v1beta1, as far as it is read: unknown fields are ignored, absent ones take Kruise's defaults.

Decoded by the reflector; read by `translate`, `projection` and `commands`. What Kruise lacks and we add (`analysis`,
`bake`, `onFailure`, `deadlines`) stands in the same places as in the manifest of deploy/kubernetes/crds: `blocks`.
"""

from typing import Any, Final, Literal

import msgspec

from tidegate_chassis.kubernetes.objects import KubernetesObject, ObjectMeta
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.limits import AUTHOR_LENGTH_MAX
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_rollout_operator.blocks import AnalysisBlock, BakeBlock, Block, DeadlinesBlock

GROUP: Final = "rollouts.kruise.io"
ROLLOUTS: Final = Resource(GROUP, "v1beta1", "rollouts", "Rollout")
FINALIZER: Final = f"{GROUP}/rollout"
ROLLOUT_ID: Final = f"{GROUP}/rollout-id"
"""On a workload: as a label the id that its release is shown with, as an annotation what tells releases apart."""
ROLLOUT_BATCH_ID: Final = f"{GROUP}/rollout-batch-id"
"""On a pod: the step that it came in, by which `kubectl kruise rollout describe` selects."""
PLAN_HASH: Final = f"{GROUP}/hash"
ROLLBACK_IN_BATCH: Final = f"{GROUP}/rollback-in-batch"
TRAFFIC_ROUTING: Final = f"{GROUP}/trafficrouting"
ROLLING_STYLE: Final = f"{GROUP}/rolling-style"
"""What v1alpha1 says of the style."""
AUTHORS: Final = "Rollout "
"""How the author of each guard and control begins that stands for a Rollout."""


class Reference(Block, frozen=True):
    api_version: str = ""
    kind: str = ""
    name: str = ""


class Match(Block, frozen=True):
    """A header, a query parameter or a path, as the Gateway API spells it; without `type` a kind's own default."""

    value: str = ""
    name: str = ""
    type: str = ""


class HttpRouteMatch(Block, frozen=True):
    path: Match | None = None
    headers: tuple[Match, ...] = ()
    query_params: tuple[Match, ...] = ()


class StepPause(Block, frozen=True):
    duration_seconds: int | None = msgspec.field(name="duration", default=None)


class StepBlock(Block, frozen=True):
    replicas: int | str | None = None
    traffic: str | None = None
    matches: tuple[HttpRouteMatch, ...] = ()
    request_header_modifier: dict[str, Any] | None = None
    pause: StepPause = StepPause()
    analysis: AnalysisBlock | None = None


class Gateway(Block, frozen=True):
    http_route_name: str | None = None


class TrafficRouting(Block, frozen=True):
    service: str = ""
    grace_period_seconds: int | None = None
    ingress: dict[str, Any] | None = None
    gateway: Gateway | None = None
    custom_network_refs: tuple[dict[str, Any], ...] = ()


class TemplateMetadata(Block, frozen=True):
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class Style(Block, frozen=True):
    """The block `canary` or `blueGreen`."""

    steps: tuple[StepBlock, ...] = ()
    traffic_routings: tuple[TrafficRouting, ...] = ()
    failure_threshold: int | str | None = None
    patch_pod_template_metadata: TemplateMetadata | None = None
    enable_extra_workload_for_canary: bool = False
    disable_generate_canary_service: bool = False
    traffic_routing_ref: str = ""


class Strategy(Block, frozen=True):
    paused: bool = False
    canary: Style | None = None
    blue_green: Style | None = None
    analysis: AnalysisBlock | None = None
    analysis_from_step: int | None = None
    bake: BakeBlock | None = None
    on_failure: Literal["RollBack", "Pause"] | None = None
    deadlines: DeadlinesBlock | None = None


class RolloutSpec(Block, frozen=True):
    workload_ref: Reference = Reference()
    disabled: bool = False
    strategy: Strategy = Strategy()


class Meta(ObjectMeta, frozen=True, rename="camel"):
    finalizers: tuple[str, ...] = ()


class KruiseObject(KubernetesObject, frozen=True, rename="camel"):
    """What is read of every kind; each has a spec of its own."""

    metadata: Meta = Meta()
    status: dict[str, Any] = msgspec.field(default_factory=dict)
    """As it stands: it is replaced whole."""

    @property
    def leaving(self) -> bool:
        return self.metadata.deletion_timestamp is not None


class Rollout(KruiseObject, frozen=True):
    """What others wrote into its status is a command (`commands`), before we replace it (`projection`)."""

    spec: RolloutSpec = RolloutSpec()

    @property
    def author(self) -> str:
        """Under which name this Rollout's wishes and commands stand on the bus."""
        return f"{AUTHORS}{self.metadata.name}"[:AUTHOR_LENGTH_MAX]

    @property
    def workload(self) -> WorkloadReference:
        reference = self.spec.workload_ref
        return WorkloadReference(name=reference.name, kind=reference.kind, api_version=reference.api_version)

    @property
    def style(self) -> Style | None:
        """The block that says the steps; the first one where there are two by mistake, None where there is none."""
        return self.spec.strategy.blue_green or self.spec.strategy.canary

    @property
    def style_path(self) -> str:
        return f"spec.strategy.{'canary' if self.spec.strategy.blue_green is None else 'blueGreen'}"

    @property
    def block(self) -> str:
        """Which part of the status tells of the steps."""
        return "blueGreenStatus" if self.spec.strategy.blue_green is not None else "canaryStatus"

    @property
    def told(self) -> dict[str, Any]:
        """That part, as it stands."""
        found = self.status.get(self.block)
        return found if isinstance(found, dict) else {}

    def key(self, cluster: str) -> WorkloadKey:
        return WorkloadKey.of(cluster, self.metadata.namespace, self.workload)
