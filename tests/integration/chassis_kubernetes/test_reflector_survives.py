import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from support.until import until

from tidegate_chassis.errors import OperatingError, Transient, UnknownOutcome
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import KubernetesObject
from tidegate_chassis.kubernetes.reflector import Reflector, ReflectorLimits
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
API_SERVER = "kube-apiserver"


class ConfigMap(KubernetesObject, frozen=True):
    data: dict[str, str] = msgspec.field(default_factory=dict)


@pytest.fixture
async def client(own_sandbox: SandboxState) -> AsyncIterator[KubernetesClient]:
    kubeconfig = str(own_sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="tester") as connected:
        yield connected


@asynccontextmanager
async def following(
    client: KubernetesClient, limits: ReflectorLimits | None = None
) -> AsyncIterator[Reflector[ConfigMap]]:
    reflector = Reflector(client, CONFIG_MAPS, ConfigMap, namespace="default", limits=limits)
    task = asyncio.create_task(reflector.run())
    try:
        await asyncio.wait_for(reflector.wait_synced(), 10)
        yield reflector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def make_stubbornly(client: KubernetesClient, name: str) -> None:
    """Create, and create again while the server is away; applied twice is the same as once."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"made": "yes"}}
    while True:
        try:
            await client.apply(CONFIG_MAPS, "default", name, body)
        except (Transient, UnknownOutcome):
            await asyncio.sleep(0.1)
        else:
            return


async def part(own_sandbox: SandboxState, action: str) -> None:
    await asyncio.to_thread(sandboxes.part, own_sandbox.name, action, API_SERVER)


async def test_nothing_is_missed_when_the_api_server_is_killed(
    own_sandbox: SandboxState, client: KubernetesClient
) -> None:
    told: list[str] = []
    async with following(client) as reflector:
        reflector.subscribe(lambda old, new: told.append(new.metadata.name) if new and old is None else None)
        await make_stubbornly(client, "before")
        await part(own_sandbox, "kill")
        await asyncio.gather(*(make_stubbornly(client, f"during-{number}") for number in range(5)))
        await part(own_sandbox, "ready")
        await make_stubbornly(client, "after")

        expected = {"before", "after", *(f"during-{number}" for number in range(5))}
        await until(lambda: expected <= set(told), within_s=15, what=f"all of {expected}")
        assert len(told) == len(set(told)), "each was told as new once"
        assert reflector.problem is None


async def test_a_frozen_api_server_is_noticed_and_met_again(
    own_sandbox: SandboxState, client: KubernetesClient
) -> None:
    limits = ReflectorLimits(idle_timeout_s=1.0)
    async with following(client, limits) as reflector:
        await part(own_sandbox, "stop")
        try:
            await until(lambda: reflector.problem, within_s=10, what="a noticed silence")
            with pytest.raises(OperatingError):
                await client.get(CONFIG_MAPS, "default", "web", timeout_s=0.3)
        finally:
            await part(own_sandbox, "cont")
        await make_stubbornly(client, "thawed")
        await until(lambda: reflector.store.get("default", "thawed"), within_s=15, what="the new object")
