"""The traffic-shifter as a service: its parts put together, and nothing else.

Started as `python -m tidegate_traffic_shifter`; with `give-back` it gives everything back and ends. Orders come in
through the chassis' standing orders, go to `holder`, which asks the routers' plugins, and come out
as patches and facts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn

from tidegate_chassis.clock import SystemClock
from tidegate_chassis.context import Context
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.service import run
from tidegate_chassis.settings import Settings, load_or_exit
from tidegate_chassis.standing_orders import StandingOrders
from tidegate_chassis.unattended import command_line, end
from tidegate_contracts.codec import traffic_order_decoder
from tidegate_traffic_shifter.catalogue import load_routers
from tidegate_traffic_shifter.cluster import WakingCluster
from tidegate_traffic_shifter.giving_back import give_all_back
from tidegate_traffic_shifter.holder import TrafficHolder
from tidegate_traffic_shifter.marks import FIELD_MANAGER
from tidegate_traffic_shifter.services import Services

NAME: Final = "traffic-shifter"


class ShifterSettings(Settings, frozen=True, kw_only=True):
    scripts_namespace: str = "tidegate-system"
    """Of the ConfigMap with scripts."""


@asynccontextmanager
async def compose(context: Context) -> AsyncIterator[None]:
    settings = context.settings
    assert isinstance(settings, ShifterSettings), "main loads them"
    client = await KubernetesClient.connect(settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = WakingCluster(client)
        routers = load_routers(cluster, settings.scripts_namespace)
        holder = TrafficHolder(cluster, Services(cluster), routers, context.publisher, context.clock)
        context.background("kubernetes", cluster.run)
        context.health.check("kubernetes", cluster.problem)
        context.add(StandingOrders(context, traffic_order_decoder.decode, holder))
        yield


async def give_back(settings: ShifterSettings, timeout_s: float) -> list[str]:
    """What could not be given back."""
    client = await KubernetesClient.connect(settings.kubeconfig or None, field_manager=FIELD_MANAGER)
    async with client:
        cluster = WakingCluster(client)
        services, routers = Services(cluster), load_routers(cluster, settings.scripts_namespace)
        return await give_all_back(cluster, services, routers, clock=SystemClock(), wait_s=timeout_s)


def main() -> NoReturn:
    parser, _ = command_line(NAME)
    given = parser.parse_args()
    settings = load_or_exit(ShifterSettings)
    if given.command is None:
        run(NAME, settings, compose)
    end(NAME, settings, give_back(settings, given.timeout_s))
