"""The bodies of our patches of a Deployment: hold, move on, free to move, given back.

Pure; `convergence`, `returning` and `release` choose among them. A body names annotations and fields of `spec` with
their whole new values, None for those that are to be absent; `operations` turns it into what is sent.
"""

from typing import Any

from tidegate_contracts.orders import ApplyBatch, ReleaseWorkload
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import LabelPods
from tidegate_workload_controller.budgets import Budget
from tidegate_workload_controller.saved import ROLLING, Saved, encode, moving_values, own_values
from tidegate_workload_controller.seen import Deployment

Body = dict[str, Any]

HOLD_MIN_READY_S = 2_147_483_646
"""New pods are never available to the native controller, so it stops exactly where its budget ends."""

HOLD_PROGRESS_DEADLINE_S = 2_147_483_647
"""The largest value, which means none; it must be above minReadySeconds."""


def hold(order: ApplyBatch, saved: Saved, stable_revision: str, budget: Budget) -> Body:
    """Everything that the hold is made of, with the marks."""
    return {
        "metadata": {"annotations": _annotations(order.rollout, order.revision, saved, stable_revision)},
        "spec": {"paused": None, **_hold_fields(budget)},
    }


def free(order: ApplyBatch | ReleaseWorkload, saved: Saved, stable_revision: str) -> Body:
    """Within the user's limits wherever the template leads, with the marks still on."""
    return {
        "metadata": {"annotations": _annotations(order.rollout, order.revision, saved, stable_revision)},
        "spec": moving_values(saved),
    }


def given_back(saved: Saved) -> Body:
    """The user's own values, and nothing of ours."""
    return {"metadata": {"annotations": dict.fromkeys(marks.ANNOTATIONS)}, "spec": own_values(saved)}


def holds(deployment: Deployment) -> bool:
    """Whether the fields of the hold stand, whatever the budget is."""
    spec = deployment.spec
    return (
        spec.min_ready_seconds == HOLD_MIN_READY_S
        and spec.progress_deadline_seconds == HOLD_PROGRESS_DEADLINE_S
        and spec.strategy.get("type") == ROLLING
        and not spec.paused
    )


def moves_freely(deployment: Deployment, saved: Saved) -> bool:
    """Whether the user's limits stand, and nothing keeps the native controller from using them."""
    spec = deployment.spec
    wanted = moving_values(saved)
    return (
        spec.strategy == wanted["strategy"]
        and (spec.min_ready_seconds or 0) == saved.min_ready_s
        and not spec.paused
        and (saved.progress_deadline_seconds in {None, spec.progress_deadline_seconds})
    )


def operations(body: Body, deployment: Deployment) -> list[Body]:
    """A body as a JSON patch of the Deployment as it was seen.

    Its precondition is the generation, which every write to spec or annotations raises, our own fence included; the
    resource version would also change with each status that the native controller writes.
    """
    checked: list[Body] = [
        {"op": "test", "path": "/metadata/uid", "value": deployment.metadata.uid},
        {"op": "test", "path": "/metadata/generation", "value": deployment.metadata.generation},
    ]
    present = deployment.metadata.annotations
    annotations = body["metadata"]["annotations"]
    if not present:
        checked.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    marked = [
        _operation(f"/metadata/annotations/{_escaped(name)}", value, name in present)
        for name, value in annotations.items()
    ]
    # Strategy and progressDeadlineSeconds always stand there, filled in; of the others, none is the same as nought.
    absent = {"minReadySeconds": 0, "paused": False}
    fields = {name: absent.get(name) if value is None else value for name, value in body["spec"].items()}
    written = [_operation(f"/spec/{name}", value, True) for name, value in fields.items()]
    return [*checked, *(each for each in (*marked, *written) if each is not None)]


def labelling(uid: str, action: LabelPods) -> list[Body]:
    """Labels as a JSON patch of a pod, which has others already, and of no namesake."""
    labels = [
        {"op": "add", "path": f"/metadata/labels/{_escaped(name)}", "value": value}
        for name, value in action.labels.items()
    ]
    return [{"op": "test", "path": "/metadata/uid", "value": uid}, *labels]


def _operation(path: str, value: Any, there: bool) -> Body | None:
    if value is not None:
        return {"op": "add", "path": path, "value": value}
    return {"op": "remove", "path": path} if there else None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _hold_fields(budget: Budget) -> Body:
    return {
        "minReadySeconds": HOLD_MIN_READY_S,
        "progressDeadlineSeconds": HOLD_PROGRESS_DEADLINE_S,
        "strategy": {
            "type": ROLLING,
            "rollingUpdate": {"maxSurge": budget.surge, "maxUnavailable": budget.unavailable},
        },
    }


def _annotations(rollout: str, revision: int, saved: Saved, stable_revision: str) -> dict[str, str]:
    return {
        marks.ROLLOUT: rollout,
        marks.ORDER_REVISION: str(revision),
        marks.SAVED_STRATEGY: encode(saved),
        marks.STABLE_REVISION: stable_revision,
    }
