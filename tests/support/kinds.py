"""The kinds of workloads as the tests know them: a manifest of each, and how its pods are told apart.

The author of a plugin describes another one in a file of their own, which `load` finds for the conformance kit.
"""

import importlib.util
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

from tidegate_chassis.kubernetes.resources import (
    ADVANCED_DAEMON_SETS,
    ADVANCED_STATEFUL_SETS,
    CLONE_SETS,
    DAEMON_SETS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    Resource,
)
from tidegate_contracts.rollout import STYLES, Style
from tidegate_sandbox.state import SandboxState

IMAGE: Final = "registry.example/web"


class Kind(NamedTuple):
    """Args:
    label: What a test's id says.
    resource: The kind's own.
    revision_label: By which its pods tell their revision.
    spec: What its `spec` has beside replicas, selector and template.
    scales: Whether it has replicas; the others have a pod a node.
    """

    label: str
    resource: Resource
    revision_label: str = "controller-revision-hash"
    spec: Callable[[str], dict[str, Any]] = lambda _: {}
    scales: bool = True

    most_missing: Callable[[int], int] = lambda _: 1
    """Pods of so many that its own default strategy lets be missing."""

    keeps_one: bool = False
    """Whether one stable pod stays below 100 % in the style partition."""

    styles: tuple[Style, ...] = ("partition",)

    beside: tuple[Style, ...] = ()
    """Those of them in which the new pods come in an extra workload."""

    min_ready: Callable[[int], dict[str, Any]] | None = lambda seconds: {"minReadySeconds": seconds}
    """How its spec says how long a pod has to be ready; None where it can't."""

    in_place: bool = False
    """Whether its pods stay, and take the new image."""

    tells_refused_pods: bool = True
    """Whether its controller says, in a condition or an event, why it can't make a pod."""

    has_plugin: bool = True
    """Whether a copy that knows its plugin holds it; otherwise one that takes it for something like a StatefulSet."""

    stopping: Callable[[], tuple[dict[str, Any], ...]] = tuple
    """Strategies of a user's own, as parts of its spec, under which no update would get through by itself."""

    around: Callable[[SandboxState], AbstractAsyncContextManager[None]] = lambda _: nullcontext()
    """What has to be on the sandbox while the kind is played, where it isn't there already: a CRD, its controller."""

    def most_new(self, replicas: int, style: Style = "partition") -> int:
        """New pods of so many at any step below 100 %."""
        return replicas - 1 if self.keeps_one and style == "partition" else replicas

    @property
    def key(self) -> str:
        return f"{self.resource.kind.lower()}.{self.resource.group}"

    def manifest(self, name: str, *, replicas: int, tag: str, **spec: Any) -> dict[str, Any]:
        labels = {"app": name}
        container = {"name": "app", "image": f"{IMAGE}:{tag}"}
        pod_spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
        return {
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {"name": name},
            "spec": {
                **({"replicas": replicas} if self.scales else {}),
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod_spec},
                **self.spec(name),
                **spec,
            },
        }


def load(reference: str) -> Kind:
    """The kind that `path/to/file.py:NAME` means."""
    file, _, name = reference.rpartition(":")
    spec = importlib.util.spec_from_file_location(Path(file).stem, file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{reference!r} is not FILE.py:NAME")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kind = getattr(module, name, None)
    if not isinstance(kind, Kind):
        raise TypeError(f"{name!r} in {file} is no Kind of tests/support/kinds.py, but {kind!r}")
    return kind


def _a_quarter(replicas: int) -> int:
    return max(replicas // 4, 1)


def _a_fifth(replicas: int) -> int:
    return -(-replicas // 5)


def _headless(name: str) -> dict[str, Any]:
    return {"serviceName": name}


def _rolling(**limits: Any) -> dict[str, Any]:
    return {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": limits}}


ON_DELETE: Final[dict[str, Any]] = {"updateStrategy": {"type": "OnDelete"}}

DEPLOYMENT: Final = Kind(
    "deployment",
    DEPLOYMENTS,
    "pod-template-hash",
    keeps_one=True,
    most_missing=_a_quarter,
    styles=STYLES,
    beside=("canary",),
    stopping=lambda: ({"strategy": {"type": "Recreate"}}, {"paused": True}),
)
STATEFUL_SET: Final = Kind(
    "stateful-set", STATEFUL_SETS, spec=_headless, stopping=lambda: (_rolling(partition=3), ON_DELETE)
)
PARALLEL_STATEFUL_SET: Final = STATEFUL_SET._replace(
    label="stateful-set-parallel", spec=lambda name: {**_headless(name), "podManagementPolicy": "Parallel"}
)
DAEMON_SET: Final = Kind("daemon-set", DAEMON_SETS, scales=False, stopping=lambda: (ON_DELETE,))
CLONE_SET: Final = Kind(
    "clone-set",
    CLONE_SETS,
    most_missing=_a_fifth,
    styles=STYLES,
    beside=("canary", "blue_green"),
    stopping=lambda: ({"updateStrategy": {"partition": "60%"}}, {"updateStrategy": {"paused": True}}),
)
CLONE_SET_IN_PLACE: Final = Kind(
    "clone-set-in-place",
    CLONE_SETS,
    spec=lambda _: {"updateStrategy": {"type": "InPlaceIfPossible"}},
    most_missing=_a_fifth,
    in_place=True,
    stopping=lambda: ({"updateStrategy": {"type": "InPlaceIfPossible", "partition": 3}},),
)
ADVANCED_STATEFUL_SET: Final = Kind(
    "advanced-stateful-set",
    ADVANCED_STATEFUL_SETS,
    spec=_headless,
    min_ready=lambda seconds: {"updateStrategy": {"rollingUpdate": {"minReadySeconds": seconds}}},
    stopping=lambda: (_rolling(partition=3), _rolling(paused=True), ON_DELETE),
)
STATEFUL_SET_LIKE: Final = ADVANCED_STATEFUL_SET._replace(label="stateful-set-like", has_plugin=False)
"""A custom resource with a real controller, held without its plugin."""

ADVANCED_DAEMON_SET: Final = Kind(
    "advanced-daemon-set",
    ADVANCED_DAEMON_SETS,
    scales=False,
    most_missing=lambda _: 2,  # one, and its controller replaces what isn't ready beside that
    stopping=lambda: (_rolling(partition=2), _rolling(paused=True), ON_DELETE),
)

PARTITIONED: Final = (
    STATEFUL_SET,
    PARALLEL_STATEFUL_SET,
    DAEMON_SET,
    CLONE_SET,
    CLONE_SET_IN_PLACE,
    ADVANCED_STATEFUL_SET,
    STATEFUL_SET_LIKE,
    ADVANCED_DAEMON_SET,
)
"""Every kind but the Deployment: held by a partition, or by deletion."""
