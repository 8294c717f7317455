"""One template run by hand, now or as of the past, each measurement shown: `analyze` after the module's name.

Called by `app` in place of the service, and so by `tidegate analyze`. It reads the same template, asks the same
providers and judges by the same rules as for a rollout, but of nothing that rolls out: no bus is needed, and nothing is
reported.
"""

import argparse
import asyncio
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, NoReturn

from tidegate_chassis import logs
from tidegate_chassis.clock import Clock, SystemClock
from tidegate_chassis.settings import load_or_exit
from tidegate_contracts.facts import Measurement
from tidegate_contracts.rollout import Analysis
from tidegate_contracts.templates import TemplateArgument, TemplateReference
from tidegate_metrics_analyzer import catalogue, template_past
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection
from tidegate_metrics_analyzer.cluster_templates import ClusterTemplates
from tidegate_metrics_analyzer.jobs.runner import JobRunner, JobSettings
from tidegate_metrics_analyzer.judge import Verdict
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.past import RULE, PastClock, Period, period
from tidegate_metrics_analyzer.question import Subject
from tidegate_metrics_analyzer.template_run import TemplateRun

COMMAND: Final = "analyze"
STATUS: Final[dict[Verdict | None, int]] = {"pass": 0, "fail": 1, "inconclusive": 3, None: 3}
"""Of the process; 2 is a command line that says nothing."""

Show = Callable[[str], object]


def asked(arguments: Sequence[str]) -> bool:
    return arguments[:1] == [COMMAND]


def main(arguments: Sequence[str]) -> NoReturn:
    said = _parsed(arguments[1:])
    settings = load_or_exit(JobSettings)
    logs.configure("metrics-analyzer", "error")
    sys.exit(asyncio.run(_analysed(said, settings)))


async def _analysed(said: argparse.Namespace, settings: JobSettings) -> int:
    async with (
        catalogue.opened(os.environ) as providers,
        ClusterConnection.opened(settings.kubeconfig or None) as cluster,
        JobRunner.opened(cluster, settings) as jobs,
    ):

        def measurer(clock: Clock) -> Measurer:
            return Measurer(providers, clock, ClusterTemplates(cluster), jobs=jobs)

        run = run_of(said)
        try:
            return STATUS[await shown(run, said.period, measurer, lambda line: sys.stdout.write(f"{line}\n"))]
        finally:
            await jobs.end(said.namespace, run.identity)


async def shown(
    run: TemplateRun, past: Period | None, measurer: Callable[[Clock], Measurer], show: Show
) -> Verdict | None:
    """Runs it to its verdict; shows each measurement when it is taken, and at the end what decided on each metric."""
    seen: dict[str, int] = {}

    def changed() -> None:
        for found in run.evidence():
            if found.measured > seen.get(found.check, 0):
                seen[found.check] = found.measured
                show(_sample(found))

    if past is None:
        await run.measure(measurer(SystemClock()), SystemClock(), changed)
    else:
        clock = PastClock(past.since_s)
        if not await template_past.measure(run, measurer(clock), clock, past.until_s, changed):
            show(f"stopped after {template_past.MEASUREMENTS_MAX} measurements: give a shorter time")
    for found in run.evidence():
        show(f"{found.check}: {found.verdict}: {found.reason}")
    verdict = run.verdict()
    show(f"verdict: {verdict or 'none yet'}")
    return verdict


def run_of(said: argparse.Namespace) -> TemplateRun:
    since_s = said.period.since_s if said.period is not None else SystemClock().now_s()
    analysis = Analysis(
        templates=(TemplateReference(name=said.template, cluster_scope=said.cluster_scope),),
        arguments=tuple(TemplateArgument(name=name, value=value) for name, value in said.arg),
        quirks=said.quirks,
    )
    subject = Subject(namespace=said.namespace, workload="none", stable_revision="", revision=None)
    identity = f"by-hand/{uuid.uuid4().hex}"
    return TemplateRun(analysis, subject, None, since_s, must_end=False, identity=identity)


def _sample(found: Measurement) -> str:
    assert found.assessed is not None, "what was measured is a template's metric"
    last = found.assessed.samples[-1]
    at = datetime.fromtimestamp(last.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{at}  {found.check}: {last.phase} {last.value}".rstrip()


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        f"tidegate {COMMAND}", description="Run an analysis template, now or as of the past."
    )
    parser.add_argument("template")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--cluster-scope", action="store_true", help="a ClusterAnalysisTemplate")
    parser.add_argument("--arg", action="append", default=[], type=_argument, metavar="NAME=VALUE")
    parser.add_argument("--quirks", choices=("argo", "none"), default="argo")
    parser.add_argument("--at", metavar="TIME", help=f"measure once, as of {RULE}")
    parser.add_argument("--since", metavar="TIME", help="measure from then on, as a rollout would have")
    parser.add_argument("--until", metavar="TIME", help="and no later than this; left out: until now")
    said = parser.parse_args(arguments)
    try:
        said.period = period(said.at, said.since, said.until, SystemClock().now_s())
    except ValueError as error:
        parser.error(str(error))
    return said


def _argument(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given:
        raise argparse.ArgumentTypeError("must be NAME=VALUE")
    return name, value
