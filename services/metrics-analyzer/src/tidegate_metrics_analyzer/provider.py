"""What a metric provider is: the one protocol that plugins in the group `tidegate.metric_providers` implement.

Called by `measure`; the built-in Prometheus provider stands in the same group. A provider never judges: it renders
queries in its own language and reports what came back, or why nothing usable did.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, Self, runtime_checkable

from tidegate_metrics_analyzer.question import (
    Answer,
    Question,
    RangeAnswer,
    RangeQuestion,
    Reach,
    Subject,
    Unusable,
    Value,
)

GROUP: Final = "tidegate.metric_providers"


@runtime_checkable
class MetricProvider(Protocol):
    @classmethod
    def opened(cls, environment: Mapping[str, str]) -> AbstractAsyncContextManager[Self]:
        """The provider with its connections, for the life of the service.

        Where it asks and with which credentials comes from the environment alone, never from a request.

        Raises:
            Permanent: it is not configured; checks that name it are inconclusive with this reason.
        """

    def fault(self, template: str) -> str | None:
        """What is wrong with a query whatever its placeholders stand for; None where nothing is."""

    def reach(self, template: str) -> Reach:
        """How far the query looks back by itself."""

    def render(self, template: str, subject: Subject, window_s: float) -> str | Unusable:
        """The query to ask. No name may change its meaning."""

    async def ask(self, question: Question) -> Answer | Unusable:
        """Asks once, now. Every fault of the other side is an `Unusable` with a reason, and `Unanswered` where it gave
        no answer at all; raising is a bug.
        """


@runtime_checkable
class RangeProvider(MetricProvider, Protocol):
    """A provider that knows the past, too: checks that compare need one."""

    async def ask_range(self, question: RangeQuestion) -> RangeAnswer | Unusable:
        """Asks once for all of the moments. Faults are answered as `ask` does."""


@runtime_checkable
class ValueProvider(MetricProvider, Protocol):
    """A provider whose whole answer can be judged by an expression: Argo's conditions need one."""

    async def ask_value(self, question: Question) -> Value | Unusable:
        """Asks once, now, and gives what came back in the shape that Argo's provider of that name gives.

        The query is as `render` made it. Providers with more to say than a query text take a JSON object, whose
        fields are those of Argo's provider block. `window_s` is the look-back where the query names none itself.
        """
