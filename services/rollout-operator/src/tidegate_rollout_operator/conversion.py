"""Rollouts of version v1alpha1 as v1beta1, which is stored, and back. Pure; `app` serves it to the API server. That of
BatchReleases, asked for on the same way, is `conversion_batch_release`.

The words are those of Kruise Rollouts' own conversion: `versions_of_specs`. What one version has no words for rides
along in an annotation of the other's form, so that both survive both ways: an edit in v1alpha1 is made to the whole of
what v1beta1 says (`merging`), and a step that v1alpha1 gave a weight alone is shown so there. v1beta1's rides along in
the status, too: the API server keeps that for whoever replaces the object without its annotations, and the annotations
for whoever replaces its status.
"""

from typing import Any, Final

import msgspec

from tidegate_rollout_operator import conversion_batch_release, versions_of_specs
from tidegate_rollout_operator.batch_release import BATCH_RELEASES
from tidegate_rollout_operator.kruise import GROUP, ROLLING_STYLE, ROLLOUTS, TRAFFIC_ROUTING
from tidegate_rollout_operator.merging import merged
from tidegate_rollout_operator.versions_of_specs import Json, as_object

PATH: Final = "/convert"
STORED: Final = ROLLOUTS.api_version
FORMER: Final = f"{GROUP}/v1alpha1"
STYLE: Final = ROLLING_STYLE
PARTITION: Final = "partition"
STORED_SPEC: Final = "tidegate.io/v1beta1-spec"
"""On the v1alpha1 form: the spec that it can't say."""
STORED_SPEC_TOO: Final = "v1beta1Spec"
"""The same in its status."""
FORMER_SPEC: Final = "tidegate.io/v1alpha1-spec"
"""On the v1beta1 form: the spec as it was written in v1alpha1, where v1beta1 would show it there otherwise."""

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
    annotations = _annotations(rollout)
    beside = as_object(rollout.get("status")).get(STORED_SPEC_TOO)
    whole = _read(annotations.pop(STORED_SPEC, None)) or _read(beside)
    given = as_object(rollout.get("spec"))
    spec = _in_stored(given, annotations)
    if whole is not None:
        shown = {**annotations, STYLE: "" if _is_beside(whole) else PARTITION}
        spec = merged(whole, _in_stored(versions_of_specs.former(whole), shown), spec)
    _keep(annotations, FORMER_SPEC, given, unless=versions_of_specs.former(spec) == given)
    return _with(rollout, STORED, spec, annotations) | _stored_status(rollout)


def _in_stored(spec: Json, annotations: dict[str, str]) -> Json:
    beside = annotations.get(STYLE, "").lower() != PARTITION
    return versions_of_specs.stored(spec, beside=beside, routing=annotations.get(TRAFFIC_ROUTING, ""))


def _stored_status(rollout: Json) -> Json:
    """v1beta1 tells the present step at the top as well."""
    told = as_object(rollout.get("status"))
    status = {name: value for name, value in told.items() if name != STORED_SPEC_TOO}
    if "status" not in rollout or (told and not status):
        return {}
    steps = as_object(status.get("canaryStatus") or status.get("blueGreenStatus"))
    shown = {name: steps.get(name, default) for name, default in (("currentStepIndex", 0), ("currentStepState", ""))}
    return {"status": {**shown, **status}}


def _former(rollout: Json) -> Json:
    spec = as_object(rollout.get("spec"))
    annotations = _annotations(rollout)
    if not _is_beside(spec):
        annotations[STYLE] = PARTITION
    elif annotations.get(STYLE, "").lower() == PARTITION:
        del annotations[STYLE]
    shown = versions_of_specs.former(spec)
    if (written := _read(annotations.pop(FORMER_SPEC, None))) is not None:
        shown = versions_of_specs.as_written(shown, written)
    _keep(annotations, STORED_SPEC, spec, unless=_in_stored(shown, annotations) == spec)
    return _with(rollout, FORMER, shown, annotations) | _former_status(rollout, annotations)


def _former_status(rollout: Json, annotations: dict[str, str]) -> Json:
    kept = {STORED_SPEC_TOO: annotations[STORED_SPEC]} if STORED_SPEC in annotations else {}
    return {"status": {**as_object(rollout.get("status")), **kept}} if kept or "status" in rollout else {}


def _is_beside(spec: Json) -> bool:
    canary = as_object(spec.get("strategy")).get("canary")
    return canary is None or bool(as_object(canary).get("enableExtraWorkloadForCanary"))


def _annotations(rollout: Json) -> dict[str, str]:
    return dict(as_object(rollout.get("metadata")).get("annotations") or {})


def _keep(annotations: dict[str, str], name: str, spec: Json, *, unless: bool) -> None:
    """An annotation of ours that somebody copied along says nothing."""
    annotations.pop(name, None)
    if not unless:
        annotations[name] = msgspec.json.encode(spec, order="sorted").decode()


def _with(rollout: Json, api_version: str, spec: Json, annotations: dict[str, str]) -> Json:
    metadata = {name: value for name, value in as_object(rollout.get("metadata")).items() if name != "annotations"}
    annotated = {**metadata, "annotations": annotations} if annotations else metadata
    return {**rollout, "apiVersion": api_version, "metadata": annotated, "spec": spec}


def _read(origin: Any) -> Json | None:
    """What was written along; None where there is nothing, or somebody made it unreadable."""
    try:
        return msgspec.json.decode(origin, type=Json) if isinstance(origin, str) else None
    except msgspec.MsgspecError:
        return None
