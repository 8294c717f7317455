"""Bugs planted in what the styles canary and blue_green need beyond partition: the promotion, a change of style."""

from saga_model.mutant import Mutant, planted

IN_STYLES: tuple[Mutant, ...] = (
    planted(
        "endings",
        "never-promotes",
        "the route is given back while the workload itself is still the stable version",
        'promotes = ending.goal == "promote" and',
        "promotes = False and",
    ),
    planted(
        "endings",
        "promotion-not-awaited",
        "the route is given back before the workload's own pods are new",
        "if rollout.gone or isinstance(rollout.pods.answer, WorkloadPromoted):",
        "if True:",
    ),
    planted(
        "endings",
        "extra-pods-first",
        "the extra pods go while they get all the traffic",
        "WorkloadPromoted):\n        return _first_release(rollout, ending)",
        "WorkloadPromoted):\n        return Say(PodsReleaseStarted, {})",
    ),
    planted(
        "plan",
        "promotes-under-traffic",
        "the workload is promoted while its stable pods get traffic",
        "_weight(steps) == WHOLE_PERCENT",
        "True",
    ),
    planted(
        "evolve",
        "settles-in-every-style",
        "a step's pods are ordered twice though nothing settles",
        "if rollout.with_traffic and not rollout.keeps_stable:",
        "if rollout.with_traffic:",
    ),
    planted(
        "evolve",
        "whole-means-gone",
        "stable pods are thought to be gone once all new ones are there",
        "covers_all(order.target, rollout.replicas) and not rollout.keeps_stable",
        "covers_all(order.target, rollout.replicas)",
    ),
    planted(
        "requests",
        "released-in-another-style",
        "what the older rollout held is released in the newer one's style",
        "style=older.held_style",
        "style=style",
    ),
    planted(
        "state",
        "forgets-how-it-is-held",
        "turning back, what an older rollout held is released in the newer one's style",
        "return order.style if isinstance(order, ReleaseWorkload) else self.request.style",
        "return self.request.style",
    ),
    planted(
        "requests",
        "takes-over-another-style",
        "a hold is taken over in whichever style it was made",
        "older.touched and older.style != style",
        "False",
    ),
    planted(
        "requests",
        "gives-back-under-traffic",
        "an older style's pods go while they may get traffic",
        "routes is not None and mode is not None and _takes_pods(older, mode)",
        "False",
    ),
    planted(
        "steps",
        "clearing-not-awaited",
        "an older style's pods go before the traffic has left them",
        "return Say(PodsReleaseStarted, {}) if _routes_settled(rollout) else None",
        "return Say(PodsReleaseStarted, {})",
    ),
    planted(
        "requests",
        "promotion-forgotten",
        "a workload that is half promoted is taken over as if it were held",
        "if isinstance(pods.order, PromoteWorkload) and isinstance(older.phase, Ending):",
        "if False and isinstance(older.phase, Ending):",
    ),
    planted(
        "requests",
        "promotes-what-goes-back",
        "a promotion that is being rolled back is finished for the newer rollout",
        "return older.phase.mode",
        'return "promote"',
    ),
    planted(
        "alarms",
        "goes-on-beside-another-style",
        "a newer rollout starts though the older one's pods could not be given back",
        "taken_over = rollout.held_style == rollout.style",
        "taken_over = True",
    ),
)
