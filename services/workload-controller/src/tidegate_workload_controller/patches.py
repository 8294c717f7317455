"""The bodies of our patches of a workload: hold, move on, free to move, given back.

Pure; `convergence`, `beside`, `returning`, `promotion` and `release` choose among them. A body names annotations and
fields of `spec` with their whole new values, None for those that are to be absent, and labels where some change;
`operations` turns it into what is sent.
"""

from typing import Any

from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_contracts.orders import ApplyBatch, PromoteWorkload, ReleaseWorkload
from tidegate_workload_controller import marks
from tidegate_workload_controller.actions import LabelPods
from tidegate_workload_controller.hold import Fields, Hold
from tidegate_workload_controller.releases import standing_on, template_part
from tidegate_workload_controller.saved import Saved, encode
from tidegate_workload_controller.seen import Workload

Body = dict[str, Any]
MarkingOrder = ApplyBatch | PromoteWorkload | ReleaseWorkload


def held(hold: Hold, order: ApplyBatch, saved: Saved, stable_revision: str, setting: Any) -> Body:
    """Everything that the hold is made of, with the marks."""
    return _marked(order, saved, stable_revision, hold.fields(setting, saved))


def marked(order: ApplyBatch, saved: Saved, stable_revision: str) -> Body:
    """The marks alone: what is held is beside the workload."""
    return _marked(order, saved, stable_revision, {})


def still(hold: Hold, order: MarkingOrder, saved: Saved, stable_revision: str) -> Body:
    """No pod is replaced, with the marks still on; a Deployment may still take away those that have been."""
    return _marked(order, saved, stable_revision, hold.closed(saved))


def free(hold: Hold, order: MarkingOrder, saved: Saved, stable_revision: str) -> Body:
    """Within the user's limits wherever the template leads, with the marks still on."""
    return _marked(order, saved, stable_revision, hold.moving(saved))


def given_back(hold: Hold, saved: Saved) -> Body:
    """The user's own values, and nothing of ours."""
    gone = {"annotations": dict.fromkeys(marks.ANNOTATIONS), "labels": dict.fromkeys(marks.LABELS)}
    return {"metadata": gone, "spec": hold.own(saved)}


def closed(hold: Hold, saved: Saved, style: str, attempt: str) -> Body:
    """Nothing moves until a rollout takes up the change that stands on the workload.

    `style` is how a rollout holds it already, and otherwise how one is going to.
    """
    annotations = {marks.SAVED_STRATEGY: encode(saved), marks.STYLE: style, marks.HELD: attempt}
    return {"metadata": {"annotations": annotations}, "spec": hold.closed(saved)}


def recorded(body: Body, workload: Workload, template_digest: str | None) -> Body:
    """With the template that will stand on the workload, where it is guarded: so its guard knows that it was us."""
    standing = standing_on(workload.metadata)
    if standing is None or template_digest is None or standing.template == template_part(template_digest):
        return body
    return with_labels(body, {marks.GUARDED: template_part(template_digest)})


def with_labels(body: Body, labels: dict[str, str | None]) -> Body:
    """A body that changes these labels, too."""
    metadata = body["metadata"]
    return {**body, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}


def operations(body: Body, workload: Workload) -> list[Body]:
    """A body as a JSON patch of the workload as it was seen."""
    return [*as_seen(workload), *changes(body, workload)]


def as_seen(seen: KubernetesObject) -> list[Body]:
    """The precondition of a JSON patch: nobody has written to the spec meanwhile, and no other order for us.

    Each write to the spec raises the generation; the resource version would also change with each status that the
    native controller writes. A first order writes to the spec, or finds nobody's fence to pass.
    """
    metadata = seen.metadata
    fence = metadata.labels.get(marks.ORDER_REVISION)
    fenced = [{"op": "test", "path": f"/metadata/labels/{_escaped(marks.ORDER_REVISION)}", "value": fence}]
    return [
        {"op": "test", "path": "/metadata/uid", "value": metadata.uid},
        {"op": "test", "path": "/metadata/generation", "value": metadata.generation},
        *(fenced if fence is not None else ()),
    ]


def changes(body: Body, workload: Workload) -> list[Body]:
    """The same without preconditions, for who changes the workload while it is being written by another."""
    present, labelled = workload.metadata.annotations, workload.metadata.labels
    annotations, labels = body["metadata"]["annotations"], body["metadata"].get("labels") or {}
    metadata = [
        *(_operation(f"/metadata/labels/{_escaped(name)}", value, name in labelled) for name, value in labels.items()),
        *(
            _operation(f"/metadata/annotations/{_escaped(name)}", value, name in present)
            for name, value in annotations.items()
        ),
    ]
    first: list[Body] = [] if present else [{"op": "add", "path": "/metadata/annotations", "value": {}}]
    if not labelled and any(value is not None for value in labels.values()):
        first.append({"op": "add", "path": "/metadata/labels", "value": {}})
    # Strategy and progressDeadlineSeconds always stand there, filled in, but for a custom resource's strategy. Of the
    # others, none is the same as nought.
    absent = {"minReadySeconds": 0, "paused": False}
    fields = {name: absent.get(name) if value is None else value for name, value in body["spec"].items()}
    stand = {"updateStrategy": bool(workload.spec.update_strategy)}
    written = [_operation(f"/spec/{name}", value, stand.get(name, True)) for name, value in fields.items()]
    return [*first, *(each for each in (*metadata, *written) if each is not None)]


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


def _marked(order: MarkingOrder, saved: Saved, stable_revision: str, fields: Fields) -> Body:
    annotations = {
        marks.ROLLOUT: order.rollout,
        marks.SAVED_STRATEGY: encode(saved),
        marks.STABLE_REVISION: stable_revision,
        marks.STYLE: order.style,
        marks.HELD: None,
    }
    labels = {marks.ORDER_REVISION: str(order.revision)}
    return {"metadata": {"annotations": annotations, "labels": labels}, "spec": fields}
