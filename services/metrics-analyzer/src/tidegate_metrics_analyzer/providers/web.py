"""Any server that answers in JSON as a metric provider: a URL that is allowed, and a JSONPath into the answer.

The query is Argo's `web` block. Asked by `measure` through `structured`.
"""

from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from tidegate_metrics_analyzer.outbound.door import OutboundSettings
from tidegate_metrics_analyzer.outbound.request import REQUEST_TIMEOUT_S_MAX, Request
from tidegate_metrics_analyzer.providers import json_path
from tidegate_metrics_analyzer.providers.found import Found, from_json, of_value
from tidegate_metrics_analyzer.providers.structured import Structured, named_by_users
from tidegate_metrics_analyzer.question import Question, Raw, Unusable

HEADERS_MAX: Final = 32


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    value: str


class WebDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    url: str
    method: Literal["GET", "POST", "PUT"] = "GET"
    headers: tuple[_Header, ...] = ()
    body: str = ""
    json_body: dict[str, Any] | list[Any] | UnsetType = UNSET
    timeout_seconds: float = REQUEST_TIMEOUT_S_MAX
    json_path: str = "{$}"


class Web(Structured[WebDocument]):
    NAME: ClassVar = "web"
    SETTINGS: ClassVar = OutboundSettings
    DOCUMENT: ClassVar = WebDocument

    @classmethod
    def addresses(cls, settings: OutboundSettings) -> tuple[str, ...]:
        return named_by_users(settings)

    def check(self, document: WebDocument) -> None:
        json_path.parse(document.json_path or "{$}")
        has_json = document.json_body is not UNSET
        if document.body and has_json:
            raise ValueError("give a body or a jsonBody, not both")
        if document.method == "GET" and (document.body or has_json):
            raise ValueError("a GET has no body: use method POST or PUT")
        if len(document.headers) > HEADERS_MAX:
            raise ValueError(f"at most {HEADERS_MAX} headers")
        if not 0 < document.timeout_seconds <= REQUEST_TIMEOUT_S_MAX:
            raise ValueError(f"timeoutSeconds must be above 0 and up to {REQUEST_TIMEOUT_S_MAX:g}")

    def request(self, document: WebDocument, question: Question) -> Request:
        headers = tuple((header.key, header.value) for header in document.headers)
        body = document.body or None
        if document.json_body is not UNSET:
            body = msgspec.json.encode(document.json_body).decode()
            headers = (("Content-Type", "application/json"), *headers)
        return Request(
            url=document.url, method=document.method, headers=headers, body=body, timeout_s=document.timeout_seconds
        )

    def found(self, document: WebDocument, body: bytes, question: Question) -> Found | Unusable:
        try:
            value: Raw = from_json(body)
        except msgspec.DecodeError:
            value = body.decode()
            return of_value(value, question.at_s)
        taken = json_path.parse(document.json_path or "{$}").first(value)
        if taken is None:
            return Unusable("the answer has nothing at the JSONPath: it produced no value")
        return of_value(taken[0], question.at_s)
