"""What comes before going on, in whatever step: failures, bad verdicts, refusals, answers that are overdue.

Called by `advance` until the rollout is on its way to an end. A pause is no reason to keep a bad version:
going back is decided while the rollout is held, too.
"""

from tidegate_contracts.decisions import (
    CancellationStarted,
    RollbackStarted,
    RolloutFailed,
    RolloutPaused,
    StepJudgingStarted,
)
from tidegate_contracts.facts import (
    BatchDegraded,
    BatchReady,
    WorkloadChanged,
    WorkloadPrepared,
    WorkloadRefused,
)
from tidegate_contracts.limits import EVENTS_PER_ROLLOUT_MAX
from tidegate_contracts.rollout import Analysis
from tidegate_orchestrator import verdicts
from tidegate_orchestrator.draft import Say
from tidegate_orchestrator.state import ITSELF, Clearing, Pinning, Preparing, Rollout
from tidegate_orchestrator.verdicts import Spoken
from tidegate_orchestrator.wakeup import deadline


def alarm(rollout: Rollout, now_s: float) -> Say | None:
    """What has to be said before anything else, if anything."""
    if rollout.gone:
        return Say(CancellationStarted, {"reason": "the workload was deleted", "by": ITSELF})
    return (
        _of_clearing(rollout)
        or _of_pods(rollout)
        or _of_stable_pods(rollout)
        or _of_verdicts(rollout, now_s)
        or _of_routes(rollout)
        or _of_time(rollout, now_s)
        or _of_length(rollout)
    )


def doubt(rollout: Rollout, reason: str) -> Say | None:
    """Holds the rollout, once, until somebody says how to go on."""
    if rollout.hold is not None and rollout.hold.is_doubt:
        return None
    return Say(RolloutPaused, {"reason": reason, "by": ITSELF})


def _of_pods(rollout: Rollout) -> Say | None:
    trouble = rollout.pods.trouble
    if trouble is None or isinstance(rollout.phase, Clearing):
        return None
    if isinstance(trouble, WorkloadChanged):
        return doubt(rollout, f"{trouble.what}, changed by {trouble.by}")
    if not isinstance(trouble, WorkloadRefused):
        return _failure(rollout, trouble.reason, degraded=isinstance(trouble, BatchDegraded))
    if not isinstance(rollout.phase, Preparing):
        return _failure(rollout, str(trouble.problem), degraded=False)
    fields = {"reason": str(trouble.problem), "problem": trouble.problem}
    if not rollout.touched and not rollout.routed:
        return Say(RolloutFailed, fields)
    return Say(RollbackStarted, {**fields, "by": ITSELF})


def _of_clearing(rollout: Rollout) -> Say | None:
    """What is held in one style can't be taken over in another: pods beside the workload would be left behind."""
    if rollout.pods.trouble is None or not isinstance(rollout.phase, Clearing):
        return None
    taken_over = rollout.held_style == rollout.style
    if taken_over:
        return None
    return doubt(rollout, f"the superseded rollout can't be given back: {rollout.pods.trouble_text}")


def _of_stable_pods(rollout: Rollout) -> Say | None:
    """Where a superseded version serves, a Service pinned to the one before it, without pods, would serve nobody."""
    prepared = rollout.pods.answer
    if not rollout.with_traffic or not rollout.touched or not isinstance(prepared, WorkloadPrepared):
        return None
    if prepared.counts.stable_ready > 0 or prepared.counts.replicas == 0:
        return None
    return doubt(rollout, f"no pod of the stable revision {prepared.stable_revision} is ready to take the traffic")


def _failure(rollout: Rollout, reason: str, *, degraded: bool, analysis: Analysis | None = None) -> Say | None:
    """Pods that broke under traffic lose it at once, whoever paused the rollout before. An analysis may say its own."""
    own = analysis.on_failure if analysis is not None else None
    if (own or rollout.request.on_failure) == "roll_back":
        return Say(RollbackStarted, {"reason": reason, "by": ITSELF})
    if degraded and rollout.share != (0, ()) and not rollout.stable_gone:
        return Say(RolloutPaused, {"reason": reason, "by": ITSELF, "lowered": True})
    return doubt(rollout, reason)


def _of_verdicts(rollout: Rollout, now_s: float) -> Say | None:
    said = (_of_verdict(rollout, spoken, now_s) for spoken in verdicts.against(rollout.judge))
    return next((each for each in said if each is not None), None)


def _of_verdict(rollout: Rollout, spoken: Spoken, now_s: float) -> Say | None:
    verdict, analysis = spoken
    if verdict.verdict == "fail":
        return _failure(rollout, verdict.reason, degraded=False, analysis=analysis)
    if verdicts.may_be_extended(rollout, spoken):
        # Measured anew like any step: once the pods of its last order are ready.
        settled = isinstance(rollout.pods.answer, BatchReady)
        return Say(StepJudgingStarted, {"step": rollout.step}) if settled else None
    reason = f"the analysis is inconclusive: {verdict.reason}"
    due_s = verdicts.answer_due_s(rollout, spoken)
    if due_s is not None and due_s <= now_s:
        return Say(RollbackStarted, {"reason": reason, "by": ITSELF})
    return doubt(rollout, reason)


def _of_routes(rollout: Rollout) -> Say | None:
    problem = rollout.routes.refused if rollout.routes is not None else None
    if problem is None:
        return None
    if isinstance(rollout.phase, Pinning) and not rollout.touched:
        return Say(RollbackStarted, {"reason": str(problem), "by": ITSELF, "problem": problem})
    return doubt(rollout, str(problem))


def _of_time(rollout: Rollout, now_s: float) -> Say | None:
    due = deadline(rollout)
    return doubt(rollout, due.reason) if due is not None and due.due_s <= now_s else None


def _of_length(rollout: Rollout) -> Say | None:
    if rollout.events < EVENTS_PER_ROLLOUT_MAX:
        return None
    return doubt(rollout, f"its history is {rollout.events} events long: it may only be rolled back or cancelled")
