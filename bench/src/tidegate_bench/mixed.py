"""Two hundred rollouts of all kinds and styles that wait for approval at once: what holding them costs.

Memory, processor time while nothing happens, and the watches that the services keep open on the API server.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from tidegate_bench import audit
from tidegate_bench.following import Following, following, whole
from tidegate_bench.lab import Lab
from tidegate_bench.processes import core_percent, resident_mb
from tidegate_bench.workloads import VARIANTS, Variant, manifest, quick
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_contracts.decisions import PauseStarted
from tidegate_demo.scenario import NAMESPACE
from tidegate_demo.stack import SERVICES

HELD: Final = 200
REPLICAS: Final = 2
NODES: Final = 10
STEPS: Final = ("50%", "100%")
HELD_TIMEOUT_S: Final = 240.0
SETTLED_S: Final = 5.0
"""After the last rollout has come to its pause, until what that caused is over."""
IDLE_S: Final = 65.0
"""Longer than from one of the orchestrator's sweeps to the next, so that one of them is always in it."""
WATCHERS: Final = tuple(name for name, kind in SERVICES.items() if kind.kubernetes)


class Waiting(NamedTuple):
    """One of the workloads whose rollouts are held."""

    name: str
    variant: Variant
    nodes: tuple[str, ...]


def mixture() -> list[Waiting]:
    """All variants in turn; those with a pod a node are for two nodes, each for others."""
    return [_waiting(number, VARIANTS[number % len(VARIANTS)]) for number in range(HELD)]


def _waiting(number: int, variant: Variant) -> Waiting:
    first = number % NODES
    nodes = tuple(f"node-{(first + more) % NODES + 1}" for more in range(REPLICAS))
    return Waiting(f"mixed-{number:03}", variant, nodes if variant.shape.per_node else ())


async def measure(lab: Lab) -> dict[str, object]:
    """`held_mixed`: every service's memory and share of a core, and its watches."""
    waiting = mixture()
    await _deploy(lab, waiting)
    rollouts = await asyncio.gather(*(_publish(lab, each) for each in waiting))

    def all_wait() -> bool:
        paused = {event.rollout for event in lab.listener.events if isinstance(event, PauseStarted)}
        return paused.issuperset(rollouts)

    await lab.heard(all_wait, f"{HELD} rollouts waiting for approval", HELD_TIMEOUT_S)
    await asyncio.sleep(SETTLED_S)
    services = {name: lab.stack[name] for name in SERVICES}
    cores_percent = await core_percent(services, IDLE_S)
    watches = {name: dict(audit.open_watches(lab.state.audit_log_path, name)) for name in WATCHERS}
    return {
        "rollouts": HELD,
        "services": {
            name: {"held_mb": resident_mb(service), "idle_core_percent": cores_percent[name]}
            for name, service in services.items()
        },
        "watch_streams": watches,
        "watch_streams_per_kind": most_streams(watches),
    }


def most_streams(watches: dict[str, dict[str, int]]) -> int:
    """The most that one copy has open of one kind of object."""
    return max((streams for by_resource in watches.values() for streams in by_resource.values()), default=0)


async def _deploy(lab: Lab, waiting: list[Waiting]) -> None:
    resources = {each.variant.shape.resource for each in waiting}
    async with AsyncExitStack() as stack:
        followed: dict[Resource, Following] = {
            resource: await stack.enter_async_context(following(lab.kubernetes, resource, NAMESPACE))
            for resource in resources
        }
        await asyncio.gather(*(_create(lab, each) for each in waiting))
        await asyncio.gather(*(followed[each.variant.shape.resource].until(each.name, whole) for each in waiting))


async def _create(lab: Lab, each: Waiting) -> None:
    shape = each.variant.shape
    body = manifest(shape, each.name, version="v1", replicas=REPLICAS, nodes=each.nodes)
    await lab.kubernetes.create(shape.resource, NAMESPACE, body)


async def _publish(lab: Lab, each: Waiting) -> str:
    resource, style = each.variant.shape.resource, each.variant.style
    return await lab.publish(each.name, quick("v2"), STEPS, approve=True, resource=resource, style=style)
