"""The demo's world and its two rollouts, without any terminal: also run by the end-to-end tests and the bench.

`prepared` brings the application, the load and the witnesses up; `roll` publishes one request and waits for its end.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec
import yaml
from nats.aio.client import Client

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.codec import AnyEvent
from tidegate_demo.journal import Listener, listening, requester, terminal
from tidegate_demo.observer import PodObserver
from tidegate_demo.traffic import Load
from tidegate_sandbox.state import SandboxState

NAMESPACE: Final = "default"
HOST: Final = "web.example"
REPLICAS: Final = 10
AVAILABLE_MINIMUM: Final = 8
"""Ten replicas less the manifest's maxUnavailable of 25 %, rounded down."""
RATE_PER_S: Final = 200.0
IMAGES: Final = {
    "v1": "registry.example/web:v1",
    "v2": "registry.example/web:v2",
    "v3": "registry.example/web:v3_errors-10",
}
KUBECTL_TIMEOUT_S: Final = 60
PUBLISH_TIMEOUT_S: Final = 5.0


class World:
    """Everything that is up while the rollouts run."""

    def __init__(
        self, state: SandboxState, listener: Listener, observer: PodObserver, load: Load, client: Client
    ) -> None:
        self.state = state
        self.listener = listener
        self.observer = observer
        self.load = load
        self._client = client

    async def publish(self, request: str, rollout: str | None = None) -> str:
        """Publishes one of the packaged requests as any system would, and returns the rollout's id."""
        body = yaml.safe_load(manifest(f"{request}.yaml").read_text(encoding="utf-8"))
        body["rollout"] = rollout or body["rollout"]
        await self._client.request(
            f"tidegate.requests.default.{NAMESPACE}", msgspec.json.encode(body), timeout=PUBLISH_TIMEOUT_S
        )
        return str(body["rollout"])

    async def ended(self, rollout: str, timeout_s: float) -> list[AnyEvent]:
        """The rollout's events, once a terminal one is among them."""
        try:
            async with asyncio.timeout(timeout_s):
                while terminal(self.listener.of(rollout)) is None:
                    await self.listener.heard()
        except TimeoutError as error:
            seen = ", ".join(type(event).__name__ for event in self.listener.of(rollout)[-8:]) or "nothing"
            raise TimeoutError(f"{rollout} did not end within {timeout_s:g} s; its last events: {seen}") from error
        return self.listener.of(rollout)


def manifest(name: str) -> Path:
    return Path(str(files("tidegate_demo.manifests") / name))


async def kubectl(state: SandboxState, *arguments: str) -> str:
    """Runs kubectl as the sandbox's administrator; raises RuntimeError with what it said."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("kubectl")),
        f"--kubeconfig={state.kubeconfig_path}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {errors.decode(errors='replace')}")
    return output.decode()


async def deploy(state: SandboxState) -> None:
    """The user's application: v1 on ten ready pods behind the route."""
    await kubectl(state, "apply", "-f", str(manifest("web.yaml")))
    await kubectl(state, "-n", NAMESPACE, "rollout", "status", "deployment/web", f"--timeout={KUBECTL_TIMEOUT_S}s")
    accepted = "--for=jsonpath={.status.parents[0].conditions[?(@.type=='Accepted')].status}=True"
    await kubectl(state, "-n", NAMESPACE, "wait", "httproute/web", accepted, f"--timeout={KUBECTL_TIMEOUT_S}s")


@asynccontextmanager
async def prepared(state: SandboxState, out: Path) -> AsyncIterator[World]:
    """The application deployed, requests flowing to v1, witnesses watching. `out` gets the load generator's windows."""
    await deploy(state)
    load = Load(state, out, host=HOST, rate_per_s=RATE_PER_S)
    async with (
        listening(state) as listener,
        requester(state) as client,
        await KubernetesClient.connect(str(state.kubeconfig_path), field_manager="tidegate-demo") as kubernetes,
        _watching(kubernetes) as observer,
    ):
        await load.start()
        try:
            await load.answered("v1")
            yield World(state, listener, observer, load, client)
        finally:
            await load.end()


@asynccontextmanager
async def _watching(kubernetes: KubernetesClient) -> AsyncIterator[PodObserver]:
    observer = PodObserver(kubernetes, NAMESPACE, "app=web")
    task = asyncio.create_task(observer.run())
    try:
        yield observer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
