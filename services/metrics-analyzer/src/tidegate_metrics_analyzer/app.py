"""The metrics analyzer as a service: its parts put together, and nothing else.

Started as `python -m tidegate_metrics_analyzer`. Orders come in through the chassis' standing orders, go to `holder`,
and come out as facts.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from tidegate_chassis.context import Context
from tidegate_chassis.keepsakes import Keepsakes
from tidegate_chassis.service import run
from tidegate_chassis.settings import load_or_exit
from tidegate_chassis.standing_orders import StandingOrders
from tidegate_contracts.codec import analysis_order_decoder
from tidegate_metrics_analyzer import by_hand, catalogue
from tidegate_metrics_analyzer.cluster_connection import ClusterConnection
from tidegate_metrics_analyzer.cluster_templates import ClusterTemplates
from tidegate_metrics_analyzer.holder import AnalysisHolder
from tidegate_metrics_analyzer.jobs.runner import JobRunner, JobSettings
from tidegate_metrics_analyzer.measure import Measurer

NAME: Final = "metrics-analyzer"


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    async with (
        catalogue.opened(os.environ) as providers,
        ClusterConnection.opened(context.settings.kubeconfig or None) as cluster,
        JobRunner.opened(cluster, os.environ) as jobs,
    ):
        measurer = Measurer(providers, context.clock, ClusterTemplates(cluster), jobs)
        shelf = Keepsakes(context.connection, NAME)
        holder = AnalysisHolder(measurer, context.publisher, shelf, context.clock)
        context.add(StandingOrders(context, analysis_order_decoder.decode, holder))
        yield


def main() -> NoReturn:
    if by_hand.asked(sys.argv[1:]):
        by_hand.main(sys.argv[1:])
    run(NAME, load_or_exit(JobSettings), compose)
