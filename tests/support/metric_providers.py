"""A metric provider that answers what a test tells it to, in order; the last answer is repeated for ever."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tidegate_metrics_analyzer.question import Answer, Question, Raw, Reach, Sample, Subject, Unusable, Value

Told = float | Unusable | Exception | None
ToldValue = Value | Unusable | Exception


class ScriptedProvider:
    """`answers` by query; None hangs for ever, an exception is raised as a bug of the plugin."""

    def __init__(self, **answers: list[Told]) -> None:
        self.answers = answers
        self.questions: list[Question] = []

    @classmethod
    @asynccontextmanager
    async def opened(cls, environment: Mapping[str, str]) -> AsyncIterator["ScriptedProvider"]:
        assert environment is not None
        yield cls()

    def fault(self, template: str) -> str | None:
        return "the query is broken" if template == "broken" else None

    def reach(self, template: str) -> Reach:
        assert template
        return Reach()

    def render(self, template: str, subject: Subject, window_s: float) -> str | Unusable:
        assert subject
        assert window_s
        return template

    async def ask(self, question: Question) -> Answer | Unusable:
        self.questions.append(question)
        told = self.answers[question.query]
        answer = told.pop(0) if len(told) > 1 else told[0]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Unusable):
            return answer
        assert answer is not None
        return Answer(samples=(Sample(value=answer, at_s=question.at_s),))


class ScriptedValues(ScriptedProvider):
    """Answers with whole values, as conditions judge them; `values` by query."""

    def __init__(self, **values: list[ToldValue]) -> None:
        super().__init__()
        self.values = values

    async def ask_value(self, question: Question) -> Value | Unusable:
        self.questions.append(question)
        told = self.values[question.query]
        answer = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def values(*raw: Raw) -> list[ToldValue]:
    return [Value(raw=one) for one in raw]
