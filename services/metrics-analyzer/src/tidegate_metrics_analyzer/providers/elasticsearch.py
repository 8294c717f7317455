"""Elasticsearch and OpenSearch as metric providers: a search, and a JSONPath to the value in what it answers.

Asked by `measure` through `structured`. The two are one API in two products, each with an address of its own.
"""

import re
from typing import Any, ClassVar, Final

import msgspec
from yarl import URL

from tidegate_chassis.settings import Settings
from tidegate_metrics_analyzer import durations
from tidegate_metrics_analyzer.outbound.request import Request
from tidegate_metrics_analyzer.providers import json_path
from tidegate_metrics_analyzer.providers.found import Found, as_go, of_value
from tidegate_metrics_analyzer.providers.structured import Structured, authorized, configured
from tidegate_metrics_analyzer.question import Question, Unusable

_INDEX: Final = re.compile(r"[a-z0-9.*,_-][a-z0-9.*,_+-]{0,254}", re.ASCII)
_START: Final = re.compile(r'"now-(\d{1,9}[smhdwy])(?:/[smhdwMy])?"', re.ASCII)


class ElasticsearchSettings(Settings, frozen=True, kw_only=True):
    elasticsearch_url: str = ""
    elasticsearch_authorization_file: str = ""
    """The whole header, such as `ApiKey …`, `Bearer …` or `Basic …`; empty: none is sent."""


class OpenSearchSettings(Settings, frozen=True, kw_only=True):
    opensearch_url: str = ""
    opensearch_authorization_file: str = ""
    """As of Elasticsearch."""


class SearchDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    index: str
    body: dict[str, Any]
    """The search, such as a `query` with a range of `now-{{window}}s` and an aggregation."""
    json_path: str = "{.hits.total.value}"


class _Shards(msgspec.Struct, frozen=True):
    failed: int


class _Reply(msgspec.Struct, frozen=True):
    timed_out: bool
    shards: _Shards = msgspec.field(name="_shards")


_REPLY: Final = msgspec.json.Decoder(_Reply)


class Elasticsearch(Structured[SearchDocument]):
    NAME: ClassVar = "elasticsearch"
    SETTINGS: ClassVar[type[Settings]] = ElasticsearchSettings
    DOCUMENT: ClassVar = SearchDocument

    @classmethod
    def addresses(cls, settings: Settings) -> tuple[str, ...]:
        return configured(f"TIDEGATE_{cls.NAME.upper()}_URL", getattr(settings, f"{cls.NAME}_url"))

    def check(self, document: SearchDocument) -> None:
        json_path.parse(document.json_path)
        if not _INDEX.fullmatch(document.index) or document.index.startswith("_") or ".." in document.index:
            raise ValueError("index is the name or pattern of indices, several separated by commas")

    def look_back_s(self, document: SearchDocument) -> float:
        """The longest that is written out; other ways to say when are taken as meant."""
        return max(
            (durations.seconds(text) for text in _START.findall(msgspec.json.encode(document.body).decode())),
            default=0.0,
        )

    def request(self, document: SearchDocument, question: Question) -> Request:
        file = getattr(self.settings, f"{self.NAME}_authorization_file")
        variable = f"TIDEGATE_{self.NAME.upper()}_AUTHORIZATION_FILE"
        caller = authorized(file, variable)
        base = URL(getattr(self.settings, f"{self.NAME}_url"))
        # Hits are documents: whoever wants their number needs none of them.
        body = {"size": 0, "track_total_hits": True, **document.body}
        return Request(
            url=str((base / document.index / "_search").with_query(allow_partial_search_results="false")),
            method="POST",
            headers=(("Content-Type", "application/json"), *caller.headers),
            body=msgspec.json.encode(body).decode(),
            credentials=caller.credentials,
        )

    def found(self, document: SearchDocument, body: bytes, question: Question) -> Found | Unusable:
        reply = _REPLY.decode(body)
        if reply.timed_out or reply.shards.failed:
            return Unusable(f"{self.NAME} answered for a part of the shards only")
        taken = json_path.parse(document.json_path).first(as_go(msgspec.json.decode(body)))
        if taken is None:
            return Unusable("the answer has nothing at the JSONPath: it produced no value")
        return of_value(taken[0], question.at_s)


class OpenSearch(Elasticsearch):
    NAME: ClassVar = "opensearch"
    SETTINGS: ClassVar = OpenSearchSettings
