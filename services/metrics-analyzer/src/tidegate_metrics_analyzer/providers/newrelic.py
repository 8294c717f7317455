"""New Relic as a metric provider: NRQL through NerdGraph. Asked by `measure` through `structured`.

The query is Argo's `newRelic` block. Its look-back stands in the NRQL text, as `SINCE 5 minutes ago`.
"""

import re
from typing import Any, ClassVar, Final

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer.outbound.request import REQUEST_TIMEOUT_S_MAX, Request
from tidegate_metrics_analyzer.providers.found import Found, as_go, of_value
from tidegate_metrics_analyzer.providers.structured import Structured, configured, credential
from tidegate_metrics_analyzer.question import Question, Raw, Unanswered, Unusable

DEFAULT_LOOK_BACK_S: Final = 3600.0
"""Of NRQL without SINCE."""

_SINCE: Final = re.compile(r"\bSINCE\s+(\S+)(?:\s+(second|minute|hour|day|week)s?\s+AGO)?", re.IGNORECASE | re.ASCII)
_UNIT_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_GRAPH: Final = "query($id: Int!, $nrql: Nrql!) {actor {account(id: $id) {nrql(query: $nrql) {results}}}}"


class NewRelicSettings(Settings, frozen=True, kw_only=True):
    newrelic_url: str = "https://api.newrelic.com"
    """https://api.eu.newrelic.com for accounts in Europe."""
    newrelic_account: int = 0
    newrelic_api_key_file: str = ""


class NewRelicDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    query: str
    timeout_s: int = msgspec.field(default=5, name="timeout")


class _Nrql(msgspec.Struct, frozen=True):
    results: list[dict[str, Any]]


class _Account(msgspec.Struct, frozen=True):
    nrql: _Nrql


class _Actor(msgspec.Struct, frozen=True):
    account: _Account


class _Data(msgspec.Struct, frozen=True):
    actor: _Actor


class _Reply(msgspec.Struct, frozen=True):
    data: _Data | None = None
    errors: list[Any] | None = None


_REPLY: Final = msgspec.json.Decoder(_Reply)


class NewRelic(Structured[NewRelicDocument]):
    NAME: ClassVar = "newrelic"
    SETTINGS: ClassVar = NewRelicSettings
    DOCUMENT: ClassVar = NewRelicDocument

    @classmethod
    def addresses(cls, settings: NewRelicSettings) -> tuple[str, ...]:
        return configured(
            "TIDEGATE_NEWRELIC_URL",
            settings.newrelic_url,
            TIDEGATE_NEWRELIC_ACCOUNT=str(settings.newrelic_account or ""),
            TIDEGATE_NEWRELIC_API_KEY_FILE=settings.newrelic_api_key_file,
        )

    def check(self, document: NewRelicDocument) -> None:
        if not 0 < document.timeout_s <= REQUEST_TIMEOUT_S_MAX:
            raise ValueError(f"timeout must be above 0 and up to {REQUEST_TIMEOUT_S_MAX:g}")

    def look_back_s(self, document: NewRelicDocument) -> float:
        since = _SINCE.search(document.query)
        if since is None:
            return DEFAULT_LOOK_BACK_S
        if "{{" in since[1]:
            return 0.0
        if since[2] and since[1].isdigit():
            return float(since[1]) * _UNIT_S[since[2].lower()]
        return DEFAULT_LOOK_BACK_S

    def request(self, document: NewRelicDocument, question: Question) -> Request:
        settings: NewRelicSettings = self.settings
        api_key = credential(settings.newrelic_api_key_file, "TIDEGATE_NEWRELIC_API_KEY_FILE")
        asked = {"query": _GRAPH, "variables": {"id": settings.newrelic_account, "nrql": document.query}}
        return Request(
            url=str(URL(settings.newrelic_url) / "graphql"),
            method="POST",
            headers=(("API-Key", api_key), ("Content-Type", "application/json")),
            body=msgspec.json.encode(asked).decode(),
            timeout_s=float(document.timeout_s),
            credentials=(api_key,),
        )

    def found(self, document: NewRelicDocument, body: bytes, question: Question) -> Found | Unusable:
        """One row is a map and several are a list of them; the range judges the only number of the only row."""
        reply = _REPLY.decode(body)
        if reply.errors or reply.data is None:
            return Unanswered("newrelic says that the query failed")
        rows: list[Raw] = [as_go(row) for row in reply.data.actor.account.nrql.results]
        if not rows:
            return Unusable("no data: the query found no rows")
        if len(rows) > 1:
            return Found(value=of_value(rows, question.at_s).value, answer=Unusable(f"{len(rows)} rows, not one"))
        row = rows[0]
        values = list(row.values()) if isinstance(row, dict) else []
        return Found(value=of_value(row, question.at_s).value, answer=of_value(values, question.at_s).answer)
