"""The conditions that tools of any resource read: kstatus (kubectl, Flux, Argo CD's wrappers) and `kubectl wait`.

Pure; called by `projection`, beside Kruise's own. `Reconciling` and `Stalled` stand only while they are true, as
kstatus wants it; `Ready` always stands. Ready is what the workload's author wrote and nobody moves any more.
"""

from tidegate_contracts.problem import Problem
from tidegate_rollout_operator import conditions, texts
from tidegate_rollout_operator.commands import lets_go
from tidegate_rollout_operator.conditions import Said
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.view import View


def told(rollout: Rollout, view: View, problems: tuple[Problem, ...], message: str) -> list[Said]:
    abnormal = _abnormal(rollout, view, problems, message)
    if abnormal is None:
        return [Said("Ready", status=True, reason="Disabled" if rollout.spec.disabled else "Guarded", message=message)]
    return [Said("Ready", status=False, reason=abnormal.reason, message=abnormal.message), abnormal]


def _abnormal(rollout: Rollout, view: View, problems: tuple[Problem, ...], message: str) -> Said | None:
    """What is going on, or has failed."""
    if rollout.leaving or (rollout.spec.disabled and lets_go(rollout, view)):
        return Said("Reconciling", status=True, reason="LettingGo", message=message)
    if view.active:
        progressing = conditions.progressing(view, message)
        assert progressing is not None, "an active rollout progresses"
        return Said("Reconciling", status=True, reason=progressing.reason, message=message)
    if problems:
        return Said("Stalled", status=True, reason="NotCarried", message=message)
    if message == texts.NOT_FOUND:
        return Said("Reconciling", status=True, reason="WorkloadNotFound", message=message)
    if view.stage == "canceled" and not view.withdrawn and not rollout.spec.disabled:
        # The workload is not at the version that was asked for.
        return Said("Stalled", status=True, reason="NotReleased", message=texts.ended(view))
    return None
