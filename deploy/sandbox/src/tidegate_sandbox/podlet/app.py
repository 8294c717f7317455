"""Puts the podlet together and runs it: nodes, watch, pods, and the metrics port. Nothing is decided here.

`__main__` calls `run` with the options of the command line.
"""

import asyncio
import logging
import signal
import time
from pathlib import Path
from typing import Final

from msgspec import Struct

from tidegate_sandbox.podlet import kubeconfig
from tidegate_sandbox.podlet.addresses import Addresses
from tidegate_sandbox.podlet.api import Api
from tidegate_sandbox.podlet.http1 import HttpServer
from tidegate_sandbox.podlet.nodes import HEARTBEAT_S, NODES_PATH, NodeKeeper, NodeObject, simulated_nodes
from tidegate_sandbox.podlet.placement import Placement
from tidegate_sandbox.podlet.pod_metrics import exposition
from tidegate_sandbox.podlet.pods import Pod
from tidegate_sandbox.podlet.registry import Registry
from tidegate_sandbox.podlet.resource_metrics import Door, ResourceMetrics
from tidegate_sandbox.podlet.telemetry import Telemetry, TelemetrySite
from tidegate_sandbox.podlet.watch import Watch
from tidegate_sandbox.podlet.worker import World

PODS_PATH: Final = "/api/v1/pods"

log = logging.getLogger(__name__)


class Options(Struct, frozen=True, kw_only=True):
    kubeconfig: Path
    metrics_port: int
    nodes: int = 3
    heartbeat_s: float = HEARTBEAT_S
    resource_metrics: Door | None = None
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
    keeper = NodeKeeper(api, placement, options.heartbeat_s)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(_run(options, keeper, World(api, addresses, placement, telemetry), synced))
        await stop.wait()
        running.cancel()


async def _run(options: Options, keeper: NodeKeeper, world: World, synced: asyncio.Event) -> None:
    await keeper.register()
    log.info("%d nodes are Ready", len(world.placement.nodes))
    async with asyncio.TaskGroup() as tasks:
        registry = Registry(world, tasks)
        world.telemetry.beside = lambda: exposition(registry.pods(), time.time())
        keeper.changed = registry.nodes_changed
        tasks.create_task(keeper.keep(), name="heartbeats")
        if options.resource_metrics is not None:
            metrics = ResourceMetrics(world.api, registry.pods)
            tasks.create_task(metrics.run(options.resource_metrics), name="resource metrics")
        nodes = Watch(world.api, NODES_PATH, NodeObject, keeper, telemetry=world.telemetry)
        tasks.create_task(nodes.run(), name="watch of nodes")
        pods = Watch(world.api, PODS_PATH, Pod, registry, telemetry=world.telemetry, synced=synced.set)
        tasks.create_task(pods.run(), name="watch of pods")
