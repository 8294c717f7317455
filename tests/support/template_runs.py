"""Runs of the template `t` under a clock of their own, with providers that answer as they are told."""

import asyncio
from typing import Any

from support.clock import ManualClock
from support.metric_providers import ScriptedValues, ToldValue
from support.templates import TemplateShelf, metric, template
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateReference
from tidegate_contracts.workload import WorkloadReference
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.question import Subject, Unusable, Value
from tidegate_metrics_analyzer.template_run import TemplateRun

GOOD, BAD = Value(raw=[0.99]), Value(raw=[0.5])
NO_DATA, DOWN = Value(raw=[]), Unusable("Prometheus could not be asked")
BEGAN_S = 1000.0
AT_LEAST = "result[0] >= 0.95"
SUBJECT = Subject(namespace="shop", workload="web", stable_revision="a", revision="b")
WEB = WorkloadReference(name="web")


def rate(**fields: Any) -> dict[str, Any]:
    return metric("errors", successCondition=AT_LEAST) | fields


def by_templates(**fields: Any) -> Analysis:
    return Analysis(templates=(TemplateReference(name="t"),), **fields)


class Running:
    """One run of the template `t` under a clock of its own."""

    def __init__(self, shelf: TemplateShelf, analysis: Analysis | None = None, **told: list[ToldValue]) -> None:
        self.clock = ManualClock(BEGAN_S)
        self.provider = ScriptedValues(**told)
        self.measurer = Measurer({"prometheus": self.provider}, self.clock, shelf)
        self.run = TemplateRun(analysis or by_templates(), SUBJECT, WEB, since_s=BEGAN_S, must_end=False)
        self.verdicts: list[Verdict | None] = []

    async def to_the_end(self) -> "Running":
        async with asyncio.timeout(5):
            await self.run.measure(self.measurer, self.clock, lambda: self.verdicts.append(self.run.verdict()))
        return self

    @property
    def reason(self) -> str:
        return "; ".join(found.reason for found in self.run.evidence())


async def ran(*metrics: dict[str, Any], analysis: Analysis | None = None, **told: list[ToldValue]) -> Running:
    return await Running(TemplateShelf(t=template(*metrics)), analysis, **told).to_the_end()
