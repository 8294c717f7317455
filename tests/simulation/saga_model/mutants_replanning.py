"""Bugs planted in what another plan for a rollout under way needs."""

from saga_model.mutant import Mutant, planted

REPLANNING: tuple[Mutant, ...] = (
    planted(
        "steps",
        "starts-though-it-was-to-wait",
        "a request's pause before its first batch is forgotten",
        "if rollout.waits_first:",
        "if False:",
    ),
    planted(
        "replanning",
        "replan-takes-pods",
        "goes on in the step of the same number, however few pods it has by now",
        "pods_of(steps[rollout.step - 1].target, rollout.replicas) >= least",
        "True",
    ),
    planted(
        "replanning",
        "replan-orders-nothing",
        "a step with other pods goes on as if they had been ordered",
        "if falls or old.target != new.target:",
        "if falls:",
    ),
    planted(
        "replanning",
        "replan-by-known-pods",
        "a count and a percentage are the same step where they are as many pods as long as nobody scales",
        "if falls or old.target != new.target:",
        "if falls or pods_of(old.target, before.replicas) != pods_of(new.target, before.replicas):",
        first=18_000,
    ),
    planted(
        "orders",
        "replan-old-target",
        "a step that is begun anew gets as many pods as the plan before had",
        "target=rollout.planned(step).target,",
        "target=rollout.pods.order.target if isinstance(rollout.pods.order, ApplyBatch)"
        " and rollout.pods.order.step == step else rollout.planned(step).target,",
        first=55_000,
    ),
    planted(
        "replanning",
        "replan-never-settles",
        "a step that passed through has to wait now, for a settling that nobody ordered",
        "return after.settles_at_once(new.number) and",
        "return False and",
    ),
    planted(
        "replanning",
        "replan-in-its-end",
        "another plan is taken while the rollout ends",
        "if isinstance(rollout.phase, Ending):",
        "if False:",
    ),
    planted(
        "replanning",
        "replan-cuts-pauses",
        "a pause that was made longer is over at once",
        "return rollout.since_s + step.pause.duration_s",
        "return 0.0 + step.pause.duration_s",
    ),
    planted(
        "replanning",
        "replan-old-traffic",
        "a step that is done goes on with the traffic of the plan before",
        "if old.requests != new.requests:",
        "if False:",
    ),
    planted(
        "plan_changed",
        "replan-old-analysis",
        "a step is judged by the analysis of the plan before",
        "return (same_step or not matters) and standing",
        "return True or standing",
    ),
    planted(
        "evolve",
        "matches-fall-first",
        "with a share that falls the step's matches come, before its pods",
        "matches = tuple(each for each in matches if each in rollout.share[1])",
        "pass",
    ),
    planted(
        "orders",
        "watched-too-early",
        "an analysis in the background begins with the first step that is measured, whatever step was named",
        "background_analysis=rollout.request.background_at(step),",
        "background_analysis=rollout.request.analysis,",
    ),
    planted(
        "plan_changed",
        "watched-by-an-older-plan",
        "another plan leaves the analysis in the background as it is, though it begins with a later step now",
        "return (same_step or not matters) and standing.background_analysis == wanted.background_analysis",
        "return same_step or not matters",
    ),
)
