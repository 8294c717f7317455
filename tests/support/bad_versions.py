"""A stage for versions that are good or bad in a way that metrics show: the application under load, on all services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from nats.aio.client import Client

from tidegate_contracts.codec import AnyEvent
from tidegate_demo import promises
from tidegate_demo.journal import requester
from tidegate_demo.scenario import REPLICAS, World, prepared
from tidegate_demo.stack import Stack, running_stack
from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

REGISTRY: Final = "registry.example/web"
END_TIMEOUT_S: Final = 90.0

OF_IT = 'namespace="{{namespace}}",revision="{{revision}}"'
REQUESTS = f"sum(rate(http_requests_total{{{OF_IT}}}[{{{{window}}}}]))"
GOOD_REQUESTS = f'sum(rate(http_requests_total{{{OF_IT},code!~"5.."}}[{{{{window}}}}]))'
COUNTED = f"sum(increase(http_requests_total{{{OF_IT}}}[{{{{window}}}}]))"
BUCKETS = f"sum by (le) (rate(http_request_duration_seconds_bucket{{{OF_IT}}}[{{{{window}}}}]))"
_Event = TypeVar("_Event", bound=AnyEvent)


class Scene(NamedTuple):
    """All services, the application `web` under its load, and somebody who asks for rollouts of it."""

    stack: Stack
    world: World
    client: Client

    async def ask(self, rollout: str, image: str, steps: list[dict[str, Any]], **more: Any) -> None:
        request = {
            "type": "rollout.requested.v1",
            "rollout": rollout,
            "workload": {"name": "web"},
            "change": {"images": {"web": f"{REGISTRY}:{image}"}},
            "traffic": [{"route": "web", "service": "web", "grace_s": 1}],
            "steps": steps,
        }
        await self.client.jetstream().publish("tidegate.requests.default.default", msgspec.json.encode(request | more))

    async def ended(self, rollout: str) -> list[AnyEvent]:
        return await self.world.ended(rollout, END_TIMEOUT_S)

    async def until(self, rollout: str, holds: Callable[[list[AnyEvent]], object]) -> None:
        async with asyncio.timeout(END_TIMEOUT_S):
            while not holds(self.world.listener.of(rollout)):
                await self.world.listener.heard()

    async def tell(self, rollout: str, control: str) -> None:
        """One of the controls that people have."""
        told = {"type": f"control.{control}.v1", "by": "the tests"}
        subject = f"tidegate.controls.default.default.{rollout}"
        await self.client.jetstream().publish(subject, msgspec.json.encode(told))

    async def part(self, action: Any) -> None:
        await asyncio.to_thread(sandboxes.part, self.world.state.name, action, "prometheus")

    async def nothing_is_broken(self, image: str) -> None:
        """No request was lost, and all pods are of this version."""
        whole = promises.whole(await self.world.observer.next_sample(), f"{REGISTRY}:{image}", REPLICAS)
        assert whole.kept, whole
        self.world.load.read()
        assert sum(window.lost_total for window in self.world.load.windows) == 0


@asynccontextmanager
async def playing(state: SandboxState, out: Path) -> AsyncIterator[Scene]:
    """`out` gets what the load generator saw."""
    async with running_stack(state) as stack, prepared(state, out) as world, requester(state) as client:
        yield Scene(stack, world, client)


def of(events: list[AnyEvent], kind: type[_Event]) -> list[_Event]:
    return [event for event in events if isinstance(event, kind)]
