"""What the demo must see, or exit with a fault: Tidegate's promises, held against what outsiders witnessed.

Pure: the witnesses are the pod observer (API server), the load generator (proxy) and the event stream.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import RolloutAccepted, StepStarted
from tidegate_contracts.orders import Target
from tidegate_demo.observer import Sample
from tidegate_sandbox.load.tally import Counts, Window

WITNESS_LAG_S = 0.25
"""A window of the load generator is a tenth of a second; a request may be answered a moment after it was due."""


class Promise(NamedTuple):
    text: str
    kept: bool
    detail: str


def pods_of(target: Target, replicas: int) -> int:
    """A target as pods: percentages round up."""
    if target.count is not None:
        return min(target.count, replicas)
    assert target.percent is not None, "a target is a count or a percentage"
    return min(replicas, math.ceil(replicas * target.percent / 100))


def never_above_target(samples: Sequence[Sample], events: Sequence[AnyEvent], image: str, replicas: int) -> Promise:
    """New pods never exceed the highest target approved so far."""
    worst = 0
    for sample in samples:
        updated = sum(
            pods.total for revision, pods in sample.by_revision.items() if sample.images.get(revision) == image
        )
        worst = max(worst, updated - _approved_pods(events, sample.at_s, replicas))
    return Promise(
        f"never more pods of {image.rpartition(':')[2]} than approved",
        worst <= 0,
        f"{max(worst, 0)} above at the worst",
    )


def _approved_pods(events: Sequence[AnyEvent], at_s: float, replicas: int) -> int:
    plan = {}
    approved = 0
    for event in events:
        if isinstance(event, RolloutAccepted):
            plan = {step.number: step.target for step in event.plan}
        elif isinstance(event, StepStarted) and event.at_s <= at_s:
            approved = max(approved, pods_of(plan[event.step], replicas))
    return approved


def always_available(samples: Sequence[Sample], least: int) -> Promise:
    """Ready pods never fall below what the user's own strategy allows."""
    lowest = min((sample.ready for sample in samples), default=0)
    return Promise(f"at least {least} pods ready at every moment", lowest >= least, f"{lowest} at the lowest")


def nothing_lost(counts: Counts) -> Promise:
    lost = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.lost.items())) or "none"
    kept = counts.lost_total == 0 and counts.finished > 0
    return Promise("no request lost to the rollout", kept, f"{counts.finished} answered or lost; lost: {lost}")


def silent_after(windows: Sequence[Window], version: str, safe_at_s: float) -> Promise:
    """No request reaches the bad version after the proxy took its weight away."""
    late = sum(
        window.versions[version].ok + window.versions[version].errors
        for window in windows
        if version in window.versions and window.at_s > safe_at_s + WITNESS_LAG_S
    )
    return Promise(f"no request reaches {version} after its weight is 0", late == 0, f"{late} late requests")


def whole(sample: Sample | None, image: str, replicas: int) -> Promise:
    """One revision, all of its pods ready."""
    by_image = (
        {} if sample is None else {sample.images[r]: pods for r, pods in sample.by_revision.items() if pods.total}
    )
    kept = set(by_image) == {image} and by_image[image].ready == replicas
    seen = ", ".join(f"{name}: {pods.ready}/{pods.total}" for name, pods in sorted(by_image.items()))
    return Promise(f"{replicas} ready pods of {image} and no others", kept, seen)
