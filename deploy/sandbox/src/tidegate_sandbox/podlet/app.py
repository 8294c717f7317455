"""Puts the podlet together and runs it: nodes, watch, pods, and the metrics port. Nothing is decided here.

`__main__` calls `run` with the options of the command line.
"""

import asyncio
import logging
import signal
from pathlib import Path

from msgspec import Struct

from tidegate_sandbox.podlet import kubeconfig
from tidegate_sandbox.podlet.addresses import Addresses
from tidegate_sandbox.podlet.api import Api
from tidegate_sandbox.podlet.http1 import HttpServer
from tidegate_sandbox.podlet.nodes import NodeKeeper, simulated_nodes
from tidegate_sandbox.podlet.placement import Placement
from tidegate_sandbox.podlet.pod_metrics import PodCollector
from tidegate_sandbox.podlet.registry import Registry
from tidegate_sandbox.podlet.telemetry import Telemetry, TelemetrySite
from tidegate_sandbox.podlet.watch import Watch
from tidegate_sandbox.podlet.worker import World

log = logging.getLogger(__name__)


class Options(Struct, frozen=True, kw_only=True):
    kubeconfig: Path
    metrics_port: int
    nodes: int = 3
    pod_range: str = "10.244.0.0/16"


async def run(options: Options) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    synced = asyncio.Event()
    telemetry = Telemetry()
    metrics = HttpServer(TelemetrySite(telemetry, synced.is_set))
    await metrics.open("127.0.0.1", (options.metrics_port,))
    api = Api(kubeconfig.load(options.kubeconfig), telemetry)
    try:
        await _serve(options, api, telemetry, synced, stop)
    finally:
        metrics.abort()
        await api.close()


async def _serve(options: Options, api: Api, telemetry: Telemetry, synced: asyncio.Event, stop: asyncio.Event) -> None:
    addresses = Addresses(options.pod_range)
    node_addresses = [addresses.node_address(index) for index in range(options.nodes)]
    placement = Placement(simulated_nodes(options.nodes, node_addresses))
    keeper = NodeKeeper(api, placement)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_run(keeper, api, World(api, addresses, placement, telemetry), synced))
        await stop.wait()
        running.cancel()


async def _run(keeper: NodeKeeper, api: Api, world: World, synced: asyncio.Event) -> None:
    await keeper.register()
    log.info("%d nodes are Ready", len(world.placement.nodes))
    async with asyncio.TaskGroup() as tasks:
        registry = Registry(world, tasks)
        world.telemetry.registry.register(PodCollector(registry.pods))
        tasks.create_task(keeper.keep(), name="nodes")
        tasks.create_task(Watch(api, registry, world.telemetry, synced.set).run(), name="watch")
