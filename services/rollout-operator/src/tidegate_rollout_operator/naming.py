"""What a Rollout's status says of which version it is about: revisions, hashes, ids and generations. Pure.

Called by `projection`. What can't be told yet stays as it stands.
"""

from typing import Any, Final

from tidegate_rollout_operator.identities import DEPLOYMENT, Identity, shown, stable_shown
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.plan_hash import plan_hash
from tidegate_rollout_operator.view import View

ROLLBACK: Final = "rollback-"
"""How the id of a release begins that is a way back."""


def names(rollout: Rollout, view: View, workload: Identity, *, edited: bool) -> dict[str, Any]:
    """`edited`: the plan that is carried out is not the one that the Rollout has now."""
    kind, told = rollout.key("").kind, rollout.told
    field = f"{'updated' if rollout.block == 'blueGreenStatus' else 'canary'}Revision"
    seen = shown(kind, view.canary_revision)
    revision = workload.revision or told.get(field, "") or ("" if kind == DEPLOYMENT else seen)
    pods = seen if seen or kind == DEPLOYMENT else revision
    stable = stable_shown(kind, view.stable_revision)
    if view.stage == "idle":
        stable = stable_shown(kind, workload.stable or told.get("stableRevision", ""))
        pods = workload.stable or told.get("podTemplateHash", "")
    found = {
        "observedRolloutID": release_id(view, workload, revision),
        "rolloutHash": told.get("rolloutHash", "") if edited else plan_hash(rollout),
        "stableRevision": stable,
        "podTemplateHash": pods,
        field: revision,
    }
    if workload.revision:
        return found | {"observedWorkloadGeneration": workload.generation}
    kept = {name: told[name] for name in ("observedRolloutID", "observedWorkloadGeneration") if name in told}
    return found | kept


def release_id(view: View, workload: Identity, revision: str) -> str:
    """The id that its author gave to the release, or one made of the revision."""
    return workload.chosen or (f"{ROLLBACK}{revision}" if view.going_back else revision)
