"""Rollouts that Kruise's own controller left in the midst of a release: not taken over, and told so.

Pure; `reconcile` asks first of all. What Kruise was doing is known to its BatchRelease and its annotations alone, so
its status stays as it is, which is also how such a Rollout is known again. One at rest is taken over as it stands.
"""

from typing import Any, Final

from tidegate_rollout_operator import conditions
from tidegate_rollout_operator.conditions import Said
from tidegate_rollout_operator.kruise import Rollout

UNFINISHED: Final = ("Progressing", "Disabling", "Terminating")
ACCEPTED: Final = "Accepted"
REASON: Final = "HeldByKruise"
MESSAGE: Final = (
    "Kruise Rollouts left this release unfinished: finish it or roll it back there, or by hand as"
    " docs/migrate-from-kruise.md says; until then the workload is not guarded"
)


def is_unfinished(rollout: Rollout) -> bool:
    """Whether its status is Kruise's, of a release that has not ended; ours always says whether it is accepted."""
    accepted = _accepted(rollout)
    return rollout.status.get("phase") in UNFINISHED and (not accepted or accepted.get("reason") == REASON)


def told(rollout: Rollout, now_s: float) -> dict[str, Any] | None:
    """Kruise's status with our word on it; None where it was said already, whatever else was written since."""
    if _accepted(rollout):
        return None
    said = (
        Said(ACCEPTED, status=False, reason=REASON, message=MESSAGE),
        Said("Stalled", status=True, reason=REASON, message=MESSAGE),
    )
    standing, now = _conditions(rollout), conditions.timestamp(now_s)
    ours = [conditions.timed(each, standing, now) for each in said]
    return rollout.status | {"message": MESSAGE, "conditions": [*standing, *ours]}


def _accepted(rollout: Rollout) -> dict[str, Any]:
    return next((each for each in _conditions(rollout) if each.get("type") == ACCEPTED), {})


def _conditions(rollout: Rollout) -> list[dict[str, Any]]:
    found = rollout.status.get("conditions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
