"""The metrics analyzer as a service: its parts put together, and nothing else.

Started as `python -m tidegate_metrics_analyzer`. Orders come in through the chassis' standing orders, go to `holder`,
and come out as facts. What is told from outside waits in `postbox`, alerts come in by `alert_webhook`.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

from tidegate_chassis.context import Context
from tidegate_chassis.keepsakes import Keepsakes
from tidegate_chassis.service import run
from tidegate_chassis.settings import load_or_exit
from tidegate_chassis.standing_orders import StandingOrders
from tidegate_contracts.codec import analysis_order_decoder
from tidegate_metrics_analyzer import by_hand, catalogue
from tidegate_metrics_analyzer.alert_webhook import PATH, AlertWebhook
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection
from tidegate_metrics_analyzer.cluster_templates import ClusterTemplates
from tidegate_metrics_analyzer.holder import AnalysisHolder
from tidegate_metrics_analyzer.jobs.runner import JobRunner, JobSettings
from tidegate_metrics_analyzer.measure import Measurer
from tidegate_metrics_analyzer.postbox import Postbox


class AnalyzerSettings(JobSettings, frozen=True, kw_only=True):
    """Beside its Jobs', and those of the metric providers, which `catalogue` reads."""

    verdict_keys_directory: str = ""
    """Where the keys of signed verdicts are mounted, as `<namespace>/<key>`."""
    alerts_token_file: str = ""
    """The bearer token of an Alertmanager's webhook; empty: none is served."""
    alerts_namespace_label: str = "namespace"


NAME: Final = "metrics-analyzer"


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    settings = context.settings
    assert isinstance(settings, AnalyzerSettings), "`main` loads them"
    async with (
        catalogue.opened(os.environ) as providers,
        ClusterConnection.opened(context.settings.kubeconfig or None) as cluster,
        JobRunner.opened(cluster, settings) as jobs,
    ):
        postbox = Postbox(context, _path(settings.verdict_keys_directory))
        measurer = Measurer(providers, context.clock, ClusterTemplates(cluster), jobs=jobs, outside=postbox)
        shelf = Keepsakes(context.connection, NAME)
        holder = AnalysisHolder(measurer, context.publisher, shelf, context.clock)
        if (token := _path(settings.alerts_token_file)) is not None:
            label = settings.alerts_namespace_label
            webhook = AlertWebhook(context.publisher, settings.cluster, token, label)
            context.health.serve(PATH, webhook.application)
        context.add(StandingOrders(context, analysis_order_decoder.decode, holder))
        yield


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def main() -> NoReturn:
    if by_hand.asked(sys.argv[1:]):
        by_hand.main(sys.argv[1:])
    run(NAME, load_or_exit(AnalyzerSettings), compose)
