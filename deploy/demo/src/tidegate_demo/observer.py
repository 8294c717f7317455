"""An independent witness: counts the pods of one Deployment by revision, straight from the API server.

It knows nothing of Tidegate. The demo shows its samples, and `promises` holds them against what was approved; the tests
with kills use it for the invariants I1 and I3.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.resources import Resource

PERIOD_S: Final = 0.1
PODS: Final = Resource(group="", version="v1", plural="pods", kind="Pod")
HASH_LABEL: Final = "pod-template-hash"


class RevisionPods(NamedTuple):
    total: int = 0
    ready: int = 0
    terminating: int = 0


class Sample(NamedTuple):
    """Pods at one moment; a terminating pod counts neither as total nor as ready."""

    at_s: float
    by_revision: Mapping[str, RevisionPods]
    images: Mapping[str, str]
    """The image of each revision's first container."""

    @property
    def ready(self) -> int:
        return sum(pods.ready for pods in self.by_revision.values())


class _Metadata(msgspec.Struct):
    labels: dict[str, str] = {}
    deletionTimestamp: str | None = None  # noqa: N815 - the API's name


class _Condition(msgspec.Struct):
    type: str
    status: str


class _Status(msgspec.Struct):
    conditions: list[_Condition] = []


class _Container(msgspec.Struct):
    image: str = ""


class _Spec(msgspec.Struct):
    containers: list[_Container] = []


class _Pod(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)


class _PodList(msgspec.Struct):
    items: list[_Pod]


_DECODER: Final = msgspec.json.Decoder(_PodList)


def count(pods: list[_Pod], at_s: float) -> Sample:
    """Pure: what a list of pods says."""
    by_revision: dict[str, RevisionPods] = {}
    images: dict[str, str] = {}
    for pod in pods:
        revision = pod.metadata.labels.get(HASH_LABEL, "")
        before = by_revision.get(revision, RevisionPods())
        gone = pod.metadata.deletionTimestamp is not None
        ready = not gone and any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)
        by_revision[revision] = RevisionPods(before.total + (not gone), before.ready + ready, before.terminating + gone)
        if pod.spec.containers:
            images[revision] = pod.spec.containers[0].image
    return Sample(at_s, by_revision, images)


class PodObserver:
    """Samples ten times a second until it is cancelled; a moment in which the API server is away gives no sample."""

    def __init__(self, kubernetes: KubernetesClient, namespace: str, label_selector: str) -> None:
        self.samples: list[Sample] = []
        self.missed = 0
        self._sampled = asyncio.Event()
        self._kubernetes = kubernetes
        self._path = f"{PODS.collection_path(namespace)}?labelSelector={label_selector}"

    @property
    def latest(self) -> Sample | None:
        return self.samples[-1] if self.samples else None

    async def next_sample(self) -> Sample:
        """A sample that was taken after this was called."""
        for _ in range(2):  # one may be on its way already
            self._sampled.clear()
            await self._sampled.wait()
        return self.samples[-1]

    async def run(self) -> None:
        while True:
            try:
                body = await self._kubernetes.get_path(self._path)
            except OperatingError:
                self.missed += 1
            else:
                self.samples.append(count(_DECODER.decode(body).items, time.time()))
                self._sampled.set()
            await asyncio.sleep(PERIOD_S)
