"""Who is there: the pods of a view, counted by revision.

Pure; everything that `convergence` and `release` decide stands on these numbers.
"""

import msgspec

from tidegate_contracts.facts import PodCounts
from tidegate_workload_controller.seen import Pod, View


class Census(msgspec.Struct, frozen=True):
    """Pods by revision. `told` is what the native controller was told to have, `alive` what there is.

    `available` are the new pods that are ready for as long as the user wants; the next one is at `next_available_s`.
    Those that the native controller was told to remove, and has not yet, don't count.
    """

    replicas: int
    new_told: int
    old_told: int
    new: tuple[Pod, ...]
    new_ready: int
    available: int
    next_available_s: float | None
    stable: int
    stable_ready: int
    alive: int
    scaling: bool
    """Whether the native controller has still to share out a changed number of replicas: until then nothing fits."""
    unseen: bool
    """Whether whoever makes the new pods has still to take in how many there are to be: it may remove some."""

    @property
    def counts(self) -> PodCounts:
        return PodCounts(
            replicas=self.replicas,
            updated=len(self.new),
            updated_ready=self.new_ready,
            stable=self.stable,
            stable_ready=self.stable_ready,
        )


def count(view: View, *, new: str | None, stable: str, min_ready_s: int, now_s: float) -> Census:
    """Count a view's pods.

    Args:
        view: What was seen.
        new: The revision that is being rolled out; None while the native controller hasn't made it.
        stable: The revision to go back to.
        min_ready_s: The user's own minReadySeconds.
        now_s: Epoch seconds.
    """
    replicas = view.workload.replicas
    alive = [(view.revision_of(pod), pod) for pod in view.pods if pod.alive]
    new_pods = tuple(pod for revision, pod in alive if new is not None and revision == new)
    stable_pods = [pod for revision, pod in alive if revision == stable]
    ready_at_s = [pod.ready_since_s + min_ready_s for pod in new_pods if pod.ready_since_s is not None]
    # Kubernetes writes whole seconds: only where a wait was asked for does the rest of the second matter.
    waits_s = [moment + 1 for moment in ready_at_s if min_ready_s and moment + 1 > now_s]
    told = [each.told for each in view.revisions if new is not None and each.name == new]
    available = len(ready_at_s) - len(waits_s)
    return Census(
        replicas=replicas,
        new_told=sum(told),
        old_told=sum(each.told for each in view.revisions if each.name != new),
        new=new_pods,
        new_ready=len(ready_at_s),
        available=min((available, *told)),
        next_available_s=min(waits_s, default=None),
        stable=len(stable_pods),
        stable_ready=sum(pod.ready_since_s is not None for pod in stable_pods),
        alive=len(alive),
        scaling=any(each.told and each.scaled_for not in {None, replicas} for each in view.revisions),
        unseen=not all(each.is_seen for each in view.revisions if each.name == new),
    )


def revision_of(view: View, template_digest: str) -> str | None:
    """The revision that has this template, as far as templates were read; of several the oldest, as is native."""
    found = [each for each in view.revisions if view.digests.get(each.name) == template_digest]
    found.sort(key=lambda each: (each.created, each.object_name))
    return found[0].name if found else None


def stable_of(view: View, *, besides: str | None = None) -> str | None:
    """The revision that carries the workload now: the most ready pods, then the most pods, then the newest."""
    ready: dict[str, int] = {}
    for pod in view.pods:
        revision = view.revision_of(pod)
        if pod.alive and pod.ready_since_s is not None:
            ready[revision] = ready.get(revision, 0) + 1
    candidates = [each for each in view.revisions if each.name and each.name != besides]
    candidates.sort(key=lambda each: (ready.get(each.name, 0), each.told, each.number), reverse=True)
    return candidates[0].name if candidates else None
