"""AdmissionReview, version v1: what the API server asks before it stores an object, and what may be answered.

`reviewed` makes a route of `webhooks` out of a function that looks at one request and says what it wants changed, or
that it is refused. Only what is used is read of a review. Source: the API reference of admission.k8s.io/v1.
"""

import base64
from collections.abc import Callable
from typing import Any, Final

import msgspec

from tidegate_chassis.webhooks import Answering

API_VERSION: Final = "admission.k8s.io/v1"
KIND: Final = "AdmissionReview"


class GroupVersionKind(msgspec.Struct, frozen=True):
    group: str = ""
    version: str = ""
    kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


class User(msgspec.Struct, frozen=True):
    username: str = ""


class Options(msgspec.Struct, frozen=True, rename="camel"):
    field_manager: str = ""


class AdmissionRequest(msgspec.Struct, frozen=True, rename="camel"):
    """One write that waits for an answer. `object` and `old_object` are JSON, `null` where there is none."""

    uid: str
    kind: GroupVersionKind = GroupVersionKind()
    request_kind: GroupVersionKind = GroupVersionKind()
    """As it was written, before it was converted to `kind`."""
    sub_resource: str = ""
    name: str = ""
    namespace: str = ""
    operation: str = ""
    user_info: User = User()
    options: Options | None = None
    object: msgspec.Raw = msgspec.Raw(b"null")
    old_object: msgspec.Raw = msgspec.Raw(b"null")
    dry_run: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """Args:
    patch: A JSON patch of the object; empty for none.
    refusal: Why it is refused; empty where it is allowed.
    code: The HTTP status of a refusal.
    causes: Faults of single fields, as Kubernetes' own `StatusCause`.
    warnings: Shown to whoever writes.
    """

    patch: tuple[dict[str, Any], ...] = ()
    refusal: str = ""
    code: int = 422
    causes: tuple[dict[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


ALLOWED: Final = Verdict()


class _Review(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    request: AdmissionRequest


_REVIEW: Final = msgspec.json.Decoder(_Review)


def reviewed(judge: Callable[[AdmissionRequest], Verdict]) -> Answering:
    """A webhook's route; ValueError for what is no review of this version."""

    def answer(body: bytes) -> bytes:
        review = _REVIEW.decode(body)
        if (review.api_version, review.kind) != (API_VERSION, KIND):
            raise ValueError(f"{review.api_version} {review.kind} is no {API_VERSION} {KIND}")
        response = _response(review.request.uid, judge(review.request))
        return msgspec.json.encode({"apiVersion": API_VERSION, "kind": KIND, "response": response})

    return answer


def _response(uid: str, verdict: Verdict) -> dict[str, Any]:
    response: dict[str, Any] = {"uid": uid, "allowed": not verdict.refusal}
    if verdict.warnings:
        response["warnings"] = list(verdict.warnings)
    if verdict.refusal:
        response["status"] = _status(verdict)
    elif verdict.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(msgspec.json.encode(verdict.patch)).decode()
    return response


def _status(verdict: Verdict) -> dict[str, Any]:
    details = {"details": {"causes": list(verdict.causes)}} if verdict.causes else {}
    return {"code": verdict.code, "reason": "Invalid", "message": verdict.refusal, "status": "Failure", **details}
