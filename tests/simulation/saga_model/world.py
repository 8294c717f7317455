"""The modelled cluster: pods by revision, one route, and what the outside does to them; it checks what must
never be.

I1 no pods beyond the approved step, I2 no traffic beyond ready pods, I3 no pods taken from a version that
gets traffic, I9 every version that gets traffic has pods. Writes are fenced by the revision of the order that
they are made for.
"""

from collections.abc import Callable

from saga_model.auditor import Auditor, Violation
from saga_model.engine import Engine
from saga_model.options import REPLICAS, Options
from tidegate_contracts.facts import PodCounts
from tidegate_contracts.orders import ReleaseTraffic, ShiftTraffic, Target
from tidegate_contracts.plan import least_ready, parse_target
from tidegate_contracts.rollout import RolloutRequested

WHOLE_PERCENT = 100
STALE_READY_S = 10.0
"""D1: for so long a raise may rest on pods that were ready and no longer are."""


def pods_of(target: Target, replicas: int) -> int:
    wanted = target.count if target.count is not None else -(-replicas * (target.percent or 0) // 100)
    return min(wanted, replicas)


def threshold_of(request: RolloutRequested) -> Target | None:
    return parse_target(request.failure_threshold) if request.failure_threshold is not None else None


class Route:
    """What the proxies do: the user's own route, or ours with a share for the new version."""

    def __init__(self) -> None:
        self.ours = False
        self.weight = 0
        self.matched = False
        """Whether some requests reach the new version whatever the weight."""
        self.canary: str | None = None
        self.stable = "v1"

    def reaches(self, revision: str) -> bool:
        """Whether requests are sent to this version as the new one."""
        return self.ours and self.canary == revision and (self.weight > 0 or self.matched)


class World:
    def __init__(self, engine: Engine, options: Options, auditor: Auditor) -> None:
        self.engine = engine
        self.options = options
        self.replicas = REPLICAS
        self.scales = [REPLICAS]
        self.template = "v1"
        self.saved_stable: str | None = None
        self.style: str | None = None
        """How the workload is held; None where it isn't."""
        self.extra: dict[str, int] = {}
        """Pods beyond the workload's own replicas, by version: those of the canary style's extra Deployment, or those
        that blue_green makes it grow by."""
        self.pods = {"v1": REPLICAS}
        self.ready = {"v1": REPLICAS}
        self.ready_log: dict[str, list[tuple[float, int]]] = {}
        self.fences = {"workload": 0, "route": 0}
        self.route = Route()
        self.deleted = False
        self.edited = False
        self.healed = False
        self.auditor = auditor
        self.pods_changed: Callable[[], None] = lambda: None

    def fenced(self, thing: str, revision: int) -> bool:
        """Whether a write for that order still counts; from then on no older one does."""
        if self.fences[thing] > revision:
            return False
        self.fences[thing] = revision
        return True

    def counts(self, new: str) -> PodCounts:
        updated, ready = self.pods.get(new, 0), self.ready.get(new, 0)
        return PodCounts(
            replicas=self.replicas,
            updated=updated,
            updated_ready=ready,
            stable=sum(self.pods.values()) - updated,
            stable_ready=sum(self.ready.values()) - ready,
        )

    def most_ready(self) -> str:
        """The version that carries the workload: its template's, unless that one never got whole."""
        return max(self.ready, key=lambda revision: (self.ready[revision], revision == self.template))

    def counts_of_stable(self, stable: str) -> PodCounts:
        pods, ready = self.pods.get(stable, 0), self.ready.get(stable, 0)
        return PodCounts(replicas=self.replicas, updated=0, updated_ready=0, stable=pods, stable_ready=ready)

    # pods

    def add_pods(self, revision: str, wanted: int, order_revision: int) -> None:
        if self.pods.get(revision, 0) >= wanted:
            return
        target = self.auditor.limit(revision, order_revision)
        if target is not None and wanted > pods_of(target, self.replicas):
            raise Violation(f"I1 {wanted} pods of {revision}, beyond the approved {target}")
        self.pods[revision] = wanted
        self.engine.after(0.2 + self.engine.random.random(), self.become_ready, revision)

    def hold(self, style: str, stable: str) -> None:
        if self.style not in (None, style):
            raise Violation(f"I9 held in the style {self.style}, and ordered in {style}")
        self.style, self.saved_stable = style, self.saved_stable or stable

    def add_extra(self, revision: str, wanted: int, order_revision: int) -> None:
        """Pods beside the stable ones; those of a superseded version make room."""
        for other in [other for other in self.extra if other != revision]:
            self.remove_extra(other)
        self.add_pods(revision, wanted, order_revision)
        self.extra[revision] = self.pods.get(revision, 0)

    def remove_extra(self, revision: str) -> None:
        number = self.extra.pop(revision, 0)
        self.remove_pods(revision, self.pods.get(revision, 0) - number)

    @property
    def newest(self) -> str:
        """The version that people would look at: the extra pods', or the template's."""
        return next(iter(self.extra), self.template)

    def become_ready(self, revision: str) -> None:
        if revision in self.options.failing or self.deleted:
            return
        pods = self.pods.get(revision, 0)
        self.set_ready(
            revision, pods - 1 if self.options.weak and not self.healed and revision == "v2" and pods > 1 else pods
        )

    def set_ready(self, revision: str, ready: int) -> None:
        self.ready_log.setdefault(revision, []).append((self.engine.now_s, self.ready.get(revision, 0)))
        self.ready[revision] = ready
        self.pods_changed()

    def remove_pods(self, revision: str, keep: int) -> None:
        had = self.pods.get(revision, 0)
        if had <= keep:
            return
        route = self.route
        if route.reaches(revision):
            raise Violation(f"I3 pods of {revision} removed while it gets {route.weight} %")
        self.pods[revision] = keep
        self.ready[revision] = min(self.ready.get(revision, 0), keep)
        self.check_served()

    def shrink_others(self, new: str, keep: int, stable: str) -> None:
        """Superseded versions go first, as the native controller does it."""
        others = sorted((revision for revision in self.pods if revision != new), key=lambda other: other == stable)
        excess = sum(self.pods[other] for other in others) - keep
        for other in others:
            if excess <= 0:
                return
            taken = min(self.pods[other], excess)
            excess -= taken
            self.remove_pods(other, self.pods[other] - taken)

    def scale(self, replicas: int) -> None:
        """Somebody scales the workload; the stable pods take up the difference until the hold's keeper looks."""
        if self.deleted:
            return
        others = [revision for revision in self.pods if self.pods[revision] > 0]
        base = self.saved_stable if self.saved_stable in others else self.template
        difference = replicas - sum(self.pods.values()) + sum(self.extra.values())
        self.replicas = replicas
        self.scales.append(replicas)
        if base is not None and difference > 0:
            self.pods[base] = self.pods.get(base, 0) + difference
            self.engine.after(0.3, self.become_ready, base)
        self.pods_changed()

    # routes

    def shift(self, order: ShiftTraffic) -> None:
        route = self.route
        canary = order.canary_revision
        same = route.ours and route.canary == canary
        # A share that is lowered was higher by an order before, with pods that were enough for it.
        # Where that order never came here, the lower share is a raise.
        raised = order.weight_percent > (route.weight if same else 0) and not order.lowering
        if not self.deleted and (raised or (order.matches and not (same and route.matched))):
            self._check_raise(order)
        route.matched = bool(order.matches)
        route.ours, route.weight, route.canary, route.stable = True, order.weight_percent, canary, order.stable_revision
        self.check_served()

    def _check_raise(self, order: ShiftTraffic) -> None:
        revision = order.canary_revision or ""
        planned = self.auditor.plan_at(order.rollout, order.revision)
        if planned is None or not order.step or not revision:
            raise Violation("I2 traffic raised on a version that no step approved")
        target = planned.plan[order.step - 1].target
        request = planned.request
        asked = min(pods_of(target, replicas) for replicas in self.scales)
        if asked == min(self.scales) and request.strategy == "partition":
            asked -= 1  # the last stable pod stays until the traffic has left it
        needed = least_ready(asked, threshold_of(request))
        # By when it was decided: what a stopped copy publishes late is a matter of the traffic-shifter's own guard.
        since = self.auditor.decided_at_s.get(order.revision, self.engine.now_s) - STALE_READY_S
        log = self.ready_log.get(revision, [])
        best = max([self.ready.get(revision, 0), *(ready for at_s, ready in log if at_s >= since)])
        if best < needed:
            raise Violation(f"I2 {order.weight_percent} % on {best} ready pods, {needed} are needed")

    def release_route(self, order: ReleaseTraffic) -> None:
        del order
        self.route.ours = False
        self.route.weight, self.route.matched = 0, False
        self.check_served()

    def check_served(self) -> None:
        if self.deleted:
            return
        route, pods = self.route, self.pods
        if not route.ours:
            if sum(pods.values()) == 0:
                raise Violation("I9 nobody serves")
            return
        if route.reaches(route.canary or "") and pods.get(route.canary or "", 0) == 0:
            raise Violation(f"I9 {route.weight} % of the traffic reach no pod of {route.canary}")
        if route.weight < 100 and pods.get(route.stable, 0) == 0:
            raise Violation(f"I9 {100 - route.weight} % of the traffic reach no pod of {route.stable}")

    def delete(self) -> None:
        self.deleted = True
        self.pods, self.ready, self.extra = {}, {}, {}
        self.pods_changed()

    def degrade(self, lasts_s: float) -> None:
        """Some pods of the newest version lose their readiness for a while."""
        revision = self.newest
        if revision == "v1" or self.pods.get(revision, 0) == 0:
            return
        self.set_ready(revision, 0)
        self.engine.after(lasts_s, self.become_ready, revision)

    def check_lowered(self) -> None:
        """Some while after pods broke: their traffic is gone, if any stable pod could take it."""
        route = self.route
        if not route.ours or not route.weight or self.deleted or self.ready.get(route.canary or "", 0) > 0:
            return
        if route.weight < WHOLE_PERCENT and self.pods.get(route.stable, 0) > 0:
            raise Violation(f"I2 {route.weight} % of the traffic reach pods that broke long ago")
