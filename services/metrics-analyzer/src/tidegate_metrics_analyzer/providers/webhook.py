"""Gates of Flagger's shape as a metric provider: 1 where the gate is open, so a check with `minimum: 1` waits for it.

What is posted and which answers open is Flagger's, so gate services, load testers and test runners made for it work
unchanged. Asked by `measure` through `structured`.
"""

from typing import ClassVar, Final, Literal

import msgspec

from tidegate_metrics_analyzer.outbound.door import OutboundSettings
from tidegate_metrics_analyzer.outbound.request import REQUEST_TIMEOUT_S_MAX, Reply, Request
from tidegate_metrics_analyzer.providers.found import Found, of_value
from tidegate_metrics_analyzer.providers.structured import Structured, named_by_users
from tidegate_metrics_analyzer.question import Question, Unusable

METADATA_MAX: Final = 32
_OPEN: Final = (*range(200, 203), 204)
"""Flagger's own rule ends at 202; 204 is as good an answer."""


class WebhookDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    url: str
    metadata: dict[str, str] = {}
    phase: str = "Progressing"
    timeout_seconds: float = REQUEST_TIMEOUT_S_MAX
    closed: Literal["wait", "fail"] = "wait"
    """What any other answer means: no value, which is doubt, or 0."""


class Webhook(Structured[WebhookDocument]):
    NAME: ClassVar = "webhook"
    SETTINGS: ClassVar = OutboundSettings
    DOCUMENT: ClassVar = WebhookDocument

    @classmethod
    def addresses(cls, settings: OutboundSettings) -> tuple[str, ...]:
        return named_by_users(settings)

    def check(self, document: WebhookDocument) -> None:
        if len(document.metadata) > METADATA_MAX:
            raise ValueError(f"at most {METADATA_MAX} entries of metadata")
        if not 0 < document.timeout_seconds <= REQUEST_TIMEOUT_S_MAX:
            raise ValueError(f"timeoutSeconds must be above 0 and up to {REQUEST_TIMEOUT_S_MAX:g}")

    def request(self, document: WebhookDocument, question: Question) -> Request:
        """The checksum is the same for as long as the revision is: receivers take it for an idempotency key."""
        asked = {
            "name": question.subject.workload,
            "namespace": question.subject.namespace,
            "phase": document.phase,
            "checksum": question.subject.revision or question.subject.stable_revision,
            "metadata": document.metadata,
        }
        return Request(
            url=document.url,
            method="POST",
            headers=(("Content-Type", "application/json"),),
            body=msgspec.json.encode(asked).decode(),
            timeout_s=document.timeout_seconds,
        )

    def read(self, document: WebhookDocument, reply: Reply, question: Question) -> Found | Unusable:
        if reply.status in _OPEN:
            return of_value(1.0, question.at_s)
        if document.closed == "fail":
            return of_value(0.0, question.at_s)
        return Unusable(f"the gate is closed (HTTP {reply.status})")

    def found(self, document: WebhookDocument, body: bytes, question: Question) -> Found | Unusable:
        return of_value(1.0, question.at_s)
