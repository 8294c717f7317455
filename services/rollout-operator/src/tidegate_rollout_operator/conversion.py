"""Rollouts of version v1alpha1 as v1beta1, which is stored, and back. Pure; `app` serves it to the API server. That of
BatchReleases, asked for on the same way, is `conversion_batch_release`.

What v1alpha1 can say survives both ways: a weight is a share of traffic and, where no replicas are given, of pods; the
style is an annotation. What only v1beta1 can say rides along in an annotation, and comes back as long as nobody edits
what v1alpha1 shows of it. Source: Kruise Rollouts' own conversion.
"""

from typing import Any, Final

import msgspec

from tidegate_rollout_operator import conversion_batch_release
from tidegate_rollout_operator.batch_release import BATCH_RELEASES
from tidegate_rollout_operator.kruise import GROUP, ROLLING_STYLE, ROLLOUTS, TRAFFIC_ROUTING

Json = dict[str, Any]

PATH: Final = "/convert"
STORED: Final = ROLLOUTS.api_version
FORMER: Final = f"{GROUP}/v1alpha1"
STYLE: Final = ROLLING_STYLE
PARTITION: Final = "partition"
ORIGIN: Final = "tidegate.io/v1beta1-spec"
"""On the v1alpha1 form: the spec that it can't say."""

REVIEW: Final = ("apiextensions.k8s.io/v1", "ConversionReview")


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    uid: str
    desired_api_version: str = msgspec.field(name="desiredAPIVersion")
    objects: list[Json] = []


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: _Request


def review(body: bytes) -> bytes:
    """A webhook's route; ValueError for what is no review of this version."""
    asked = msgspec.json.decode(body, type=_Review)
    if (asked.api_version, asked.kind) != REVIEW:
        raise ValueError(f"{asked.api_version} {asked.kind} is no {' '.join(REVIEW)}")
    request = asked.request
    response: Json = {"uid": request.uid}
    if request.desired_api_version in {STORED, FORMER}:
        made = [converted(each, request.desired_api_version) for each in request.objects]
        response |= {"convertedObjects": made, "result": {"status": "Success"}}
    else:
        message = f"{request.desired_api_version} is neither {STORED} nor {FORMER}"
        response |= {"convertedObjects": [], "result": {"status": "Failure", "message": message}}
    return msgspec.json.encode({"apiVersion": REVIEW[0], "kind": REVIEW[1], "response": response})


def converted(found: Json, api_version: str) -> Json:
    """The same object in this version."""
    if found.get("apiVersion") == api_version:
        return found
    if found.get("kind") == BATCH_RELEASES.kind:
        return conversion_batch_release.converted(found, api_version)
    return _stored(found) if api_version == STORED else _former(found)


def _stored(rollout: Json) -> Json:
    annotations = dict(_object(rollout.get("metadata")).get("annotations") or {})
    origin = annotations.pop(ORIGIN, None)
    given = _object(rollout.get("spec"))
    spec = _stored_spec(given, annotations)
    if origin is not None and (before := _read(origin)) is not None and _former_spec(before) == given:
        spec = before
    return _with(rollout, STORED, spec, annotations) | _stored_status(rollout)


def _stored_spec(spec: Json, annotations: dict[str, str]) -> Json:
    strategy = _object(spec.get("strategy"))
    made = {name: value for name, value in spec.items() if name == "disabled"}
    if (reference := _object(spec.get("objectRef")).get("workloadRef")) is not None:
        made["workloadRef"] = reference
    if (canary := strategy.get("canary")) is not None:
        beside = annotations.get(STYLE, "").lower() != PARTITION
        block = {**_object(canary), "enableExtraWorkloadForCanary": beside}
        block["steps"] = [_stored_step(_object(each)) for each in _list(canary, "steps")]
        if routing := annotations.get(TRAFFIC_ROUTING):
            block["trafficRoutingRef"] = routing
        strategy = {**strategy, "canary": block}
    return {**made, "strategy": strategy}


def _stored_step(step: Json) -> Json:
    weight = step.get("weight")
    share = f"{weight}%" if weight is not None else None
    made = {name: value for name, value in step.items() if name != "weight"}
    if share is not None:
        made = {"replicas": share, **made, "traffic": share}
    return made


def _stored_status(rollout: Json) -> Json:
    """v1beta1 tells the present step at the top as well."""
    if "status" not in rollout:
        return {}
    status = _object(rollout["status"])
    steps = _object(status.get("canaryStatus") or status.get("blueGreenStatus"))
    shown = {name: steps.get(name, default) for name, default in (("currentStepIndex", 0), ("currentStepState", ""))}
    return {"status": {**shown, **status}}


def _former(rollout: Json) -> Json:
    spec = _object(rollout.get("spec"))
    annotations = dict(_object(rollout.get("metadata")).get("annotations") or {})
    if not _is_beside(spec):
        annotations[STYLE] = PARTITION
    elif annotations.get(STYLE, "").lower() == PARTITION:
        del annotations[STYLE]
    made = _former_spec(spec)
    if _stored_spec(made, annotations) != spec:
        annotations[ORIGIN] = msgspec.json.encode(spec, order="sorted").decode()
    status = {"status": rollout["status"]} if "status" in rollout else {}
    return _with(rollout, FORMER, made, annotations) | status


def _former_spec(spec: Json) -> Json:
    strategy = _object(spec.get("strategy"))
    made = {name: value for name, value in spec.items() if name == "disabled"}
    if (reference := spec.get("workloadRef")) is not None:
        made["objectRef"] = {"workloadRef": reference}
    shown = {name: value for name, value in strategy.items() if name == "paused"}
    if (canary := strategy.get("canary")) is not None:
        hidden = {"enableExtraWorkloadForCanary", "trafficRoutingRef", "disableGenerateCanaryService"}
        block = {name: value for name, value in _object(canary).items() if name not in hidden}
        block["steps"] = [_former_step(_object(each)) for each in _list(canary, "steps")]
        shown["canary"] = block
    return {**made, "strategy": shown}


def _former_step(step: Json) -> Json:
    traffic = step.get("traffic")
    made = {name: value for name, value in step.items() if name not in {"traffic", "analysis"}}
    number = traffic.removesuffix("%") if isinstance(traffic, str) else ""
    return {**made, "weight": int(number)} if number.isdecimal() else made


def _is_beside(spec: Json) -> bool:
    canary = _object(spec.get("strategy")).get("canary")
    return canary is None or bool(_object(canary).get("enableExtraWorkloadForCanary"))


def _with(rollout: Json, api_version: str, spec: Json, annotations: dict[str, str]) -> Json:
    metadata = {name: value for name, value in _object(rollout.get("metadata")).items() if name != "annotations"}
    annotated = {**metadata, "annotations": annotations} if annotations else metadata
    return {**rollout, "apiVersion": api_version, "metadata": annotated, "spec": spec}


def _read(origin: str) -> Json | None:
    """What was written along; None where somebody made it unreadable."""
    try:
        return msgspec.json.decode(origin, type=Json)
    except msgspec.MsgspecError:
        return None


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    found = _object(value).get(name)
    return found if isinstance(found, list) else []
