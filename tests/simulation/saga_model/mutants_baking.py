"""Bugs planted in what a bake needs: the time after the last step with the way back open, and the approval of it."""

from saga_model.mutant import Mutant, planted

BAKING: tuple[Mutant, ...] = (
    planted(
        "steps",
        "bake-left-out",
        "completes with the last step though a bake was asked for",
        "    if bake is None:\n        return Say(PromotionStarted, {})",
        "    if True:\n        return Say(PromotionStarted, {})",
    ),
    planted(
        "steps",
        "bake-by-time-alone",
        "a bake is over with its time, whatever its analysis says",
        "if over and bake_passes(rollout) else None",
        "if over else None",
    ),
    planted(
        "steps",
        "bake-cut-short",
        "a bake without an analysis, or one that passed early, doesn't wait for its time",
        "if over and bake_passes(rollout) else None",
        "if bake_passes(rollout) else None",
    ),
    planted(
        "state",
        "bakes-unsettled",
        "a bake begins while stable pods have yet to make room",
        "return not (self.with_traffic or pauses or bakes or analysed)",
        "return not (self.with_traffic or pauses or analysed)",
    ),
    planted(
        "wakeup",
        "bake-not-timed",
        "nobody looks when a bake is over",
        "return rollout.phase.until_s if rollout.hold is None else None\n    due = deadline(rollout)",
        "return None\n    due = deadline(rollout)",
    ),
    planted(
        "plan_changed",
        "bake-in-the-middle",
        "a bake goes on though another plan has further steps",
        "if event.step < len(after.plan) or after.request.bake is None",
        "if after.request.bake is None",
    ),
    planted(
        "replanning",
        "replan-cuts-bakes",
        "a bake is over at once by another plan",
        "(request.bake.duration_s if request.bake is not None else 0.0)",
        "0.0",
    ),
    planted(
        "plan_changed",
        "replan-old-bake",
        "a bake is judged by the analysis, or for the time, of the plan before",
        "matters = judging or standing.watch_until_s or wanted.watch_until_s",
        "matters = judging",
    ),
    planted(
        "controls",
        "approves-anything",
        "an approval ends whatever the step is at",
        "if not isinstance(rollout.phase, Pausing | Baking):",
        "if not rollout.step:",
    ),
)
