"""The traffic-shifter as a service: its parts put together, and nothing else.

Started as `python -m tidegate_traffic_shifter`. Orders come in through the chassis' standing orders, go to `holder`,
which asks the routers' plugins, and come out as patches and facts.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from tidegate_chassis.context import Context
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.plugins import Plugins
from tidegate_chassis.service import run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_chassis.standing_orders import StandingOrders
from tidegate_contracts.codec import traffic_order_decoder
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.holder import TrafficHolder
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.router import Router
from tidegate_traffic_shifter.services import Services

ROUTERS: Final = "tidegate.traffic_routers"


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    client = await KubernetesClient.connect(context.settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = WakingCluster(client)
        holder = TrafficHolder(cluster, Services(cluster), load_routers(cluster), context.publisher, context.clock)
        context.background("kubernetes", cluster.run)
        context.health.check("kubernetes", cluster.problem)
        context.add(StandingOrders(context, traffic_order_decoder.decode, holder))
        yield


def load_routers(cluster: WakingCluster) -> Mapping[str, Router]:
    """Every router that is installed, each watching what it needs from now on."""
    plugins = Plugins(ROUTERS, Router)
    return {name: plugins.load(name)(cluster) for name in plugins.names}


def main() -> NoReturn:
    run("traffic-shifter", load_or_exit(Settings), compose)
