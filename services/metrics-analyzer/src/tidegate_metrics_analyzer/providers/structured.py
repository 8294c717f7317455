"""What the providers share whose query is a JSON object: reading it, filling it in, asking through the door.

Each one says which fields its object has, which request they make and what the answer means; the rest is here, and
`tidegate_metrics_analyzer.conformance` tries it. The fields are those of the provider's block in an Argo
AnalysisTemplate, where Argo has one.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, NamedTuple, Self, TypeVar

import msgspec

from tidegate_chassis.errors import Permanent
from tidegate_chassis.settings import Settings, load
from tidegate_metrics_analyzer.outbound import secrets
from tidegate_metrics_analyzer.outbound.door import Door, OutboundSettings
from tidegate_metrics_analyzer.outbound.request import Reply, Request
from tidegate_metrics_analyzer.providers.found import BROKEN, Found
from tidegate_metrics_analyzer.question import (
    PLACEHOLDERS,
    Answer,
    Question,
    Reach,
    Subject,
    Unanswered,
    Unusable,
    Value,
)
from tidegate_metrics_analyzer.sharing import Shared, Sharing

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([a-z_]*)\s*\}\}")
_SUCCESS: Final = range(200, 300)
_Document = TypeVar("_Document", bound=msgspec.Struct)


class Authorized(NamedTuple):
    """Of a request: the headers that say who asks, and the credentials in them."""

    headers: tuple[tuple[str, str], ...] = ()
    credentials: tuple[str, ...] = ()


class Structured(ABC, Generic[_Document]):
    """A metric provider, but for what it asks and reads. `document` raises `ValueError` for what it doesn't serve."""

    NAME: ClassVar[str]
    SETTINGS: ClassVar[type[Settings]]
    DOCUMENT: ClassVar[type[msgspec.Struct]]

    def __init__(self, door: Door, settings: Any) -> None:
        self.settings = settings
        self._door = door
        self._sharing: Sharing[Reply | Unusable] = Sharing()
        self._decoder: msgspec.json.Decoder[_Document] = msgspec.json.Decoder(self.DOCUMENT)

    @classmethod
    @asynccontextmanager
    async def opened(cls, environment: Mapping[str, str]) -> AsyncIterator[Self]:
        settings = load(cls.SETTINGS, environment)
        async with Door.opened(environment, *cls.addresses(settings)) as door:
            yield cls(door, settings)

    @classmethod
    @abstractmethod
    def addresses(cls, settings: Any) -> tuple[str, ...]:
        """Where the installer lets it ask; raises `Permanent` where that isn't said."""

    @abstractmethod
    def request(self, document: _Document, question: Question) -> Request:
        """Raises `ValueError` with what can't be asked, or which credential can't be read."""

    @abstractmethod
    def found(self, document: _Document, body: bytes, question: Question) -> Found | Unusable:
        """What a successful answer's bytes mean; may raise what `found.BROKEN` lists."""

    def check(self, document: _Document) -> None:
        """Raises `ValueError` for fields that don't go together."""

    def look_back_s(self, document: _Document) -> float:
        """How far the query looks back by itself; 0 where it takes the window."""
        return 0.0

    def fault(self, template: str) -> str | None:
        for placeholder in _PLACEHOLDER.findall(template):
            if placeholder not in PLACEHOLDERS:
                return f"unknown placeholder {placeholder!r}: use {', '.join(PLACEHOLDERS)}"
        if "{{" in _PLACEHOLDER.sub("", template):
            return "a placeholder is not closed, or is not a plain word"
        document = self._document(template)
        return document.reason if isinstance(document, Unusable) else secrets.fault(template)

    def reach(self, template: str) -> Reach:
        document = self._document(template)
        if isinstance(document, Unusable):
            return Reach()
        return Reach(fixed_s=self.look_back_s(document))

    def render(self, template: str, subject: Subject, window_s: float) -> str | Unusable:
        """Names need no quoting within JSON's strings; the window is in whole seconds, rounded down."""
        values = {**subject.values(), "window": str(max(1, math.floor(window_s)))}
        try:
            return _PLACEHOLDER.sub(lambda found: values[found.group(1)], template)
        except KeyError as error:
            return Unusable(f"the {error.args[0]} is not known yet")

    async def ask(self, question: Question) -> Answer | Unusable:
        found, of_s = await self._asked(question)
        answer = found if isinstance(found, Unusable) else found.answer
        return answer if isinstance(answer, Unusable) else msgspec.structs.replace(answer, of_s=of_s)

    async def ask_value(self, question: Question) -> Value | Unusable:
        found = (await self._asked(question)).found
        return found if isinstance(found, Unusable) else found.value

    async def _asked(self, question: Question) -> Shared[Found | Unusable]:
        """The same request is sent once, though different things may be read from its answer."""
        document = self._document(question.query)
        if isinstance(document, Unusable):
            return Shared(document, question.at_s)
        try:
            request = self.request(document, question)
        except ValueError as error:
            return Shared(Unanswered(str(error)), question.at_s)
        request = msgspec.structs.replace(request, namespace=question.subject.namespace)
        asking = partial(self._door.ask, request)
        reply, of_s = await self._sharing.ask(request, question.at_s, question.not_before_s, asking)
        if isinstance(reply, Unusable):
            return Shared(reply, of_s)
        return Shared(self.read(document, reply, msgspec.structs.replace(question, at_s=of_s)), of_s)

    def read(self, document: _Document, reply: Reply, question: Question) -> Found | Unusable:
        """Total: any bytes become something found, or a reason."""
        if reply.status not in _SUCCESS:
            return Unanswered(f"{self.NAME} refused the query (HTTP {reply.status})")
        try:
            return self.found(document, reply.body, question)
        except BROKEN:
            return Unanswered(f"the answer is not what {self.NAME} sends (HTTP {reply.status})")

    def _document(self, template: str) -> _Document | Unusable:
        try:
            document = self._decoder.decode(template)
            self.check(document)
        except (ValueError, RecursionError) as error:
            return Unusable(f"the {self.NAME} query is refused: {error}")
        return document


def configured(variable: str, address: str, **needed: str) -> tuple[str, ...]:
    """The one address that a provider asks, once all the other variables that it needs are set, too.

    Raises:
        Permanent: one is missing.
    """
    missing = [name for name, value in needed.items() if not value]
    if not address.startswith(("http://", "https://")):
        missing = [variable]
    if missing:
        raise Permanent(
            f"not configured: {missing[0]} is not set, or not to what is needed",
            code="not-configured",
            field=missing[0],
            remedy="docs/providers.md says what it holds.",
        )
    return (address,)


def named_by_users(settings: OutboundSettings) -> tuple[str, ...]:
    """No address of its own: each query names one.

    Raises:
        Permanent: none may be named.
    """
    if not settings.outbound_urls:
        raise Permanent(
            "no URL may be asked: TIDEGATE_OUTBOUND_URLS is not set",
            code="not-configured",
            field="TIDEGATE_OUTBOUND_URLS",
            remedy="docs/providers.md says what it holds.",
        )
    return ()


def credential(file: str, variable: str) -> str:
    """A mounted credential, read anew for each request because such files are rotated.

    Raises:
        ValueError: it can't be read.
    """
    if not file:
        raise ValueError(f"no credential is configured: {variable} is not set")
    return secrets.read_file(Path(file), f"the credential of {variable}")


def authorized(file: str, variable: str, scheme: str = "") -> Authorized:
    """How a request says who asks, by a mounted credential.

    Args:
        file: Where it is mounted; empty: nobody has to say who asks.
        variable: The setting that names the file, for what is said when it can't be read.
        scheme: What comes before the credential, with its space; empty where the file holds the whole header.

    Raises:
        ValueError: the file can't be read.
    """
    if not file:
        return Authorized()
    found = credential(file, variable)
    return Authorized((("Authorization", scheme + found),), (found,))


def span_s(question: Question, look_back_s: float) -> tuple[int, int]:
    """From when to when to ask, in whole seconds within the look-back; of nothing, within the window."""
    until_s = math.floor(question.at_s)
    return min(until_s - 1, math.ceil(question.at_s - (look_back_s or question.window_s))), until_s
