"""Where the figures are measured: one sandbox, the services on it, and Deployments without traffic to roll out.

Every figure gets the same `Lab`; `__main__` opens it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from nats.aio.client import Client

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.resources import DEPLOYMENTS, Resource
from tidegate_contracts import subjects
from tidegate_contracts.decisions import Decision
from tidegate_contracts.rollout import Style
from tidegate_contracts.workload import WorkloadKey, WorkloadReference
from tidegate_demo.journal import Listener, listening, requester, terminal
from tidegate_demo.scenario import NAMESPACE, kubectl
from tidegate_demo.stack import Stack, running_stack
from tidegate_sandbox.state import SandboxState

FIVE_STEPS: Final = ("20%", "40%", "60%", "80%", "100%")
PUBLISH_TIMEOUT_S: Final = 5.0
Condition = Callable[[], bool]


class Lab:
    def __init__(
        self, state: SandboxState, stack: Stack, kubernetes: KubernetesClient, listener: Listener, client: Client
    ) -> None:
        self.state = state
        self.stack = stack
        self.kubernetes = kubernetes
        self.listener = listener
        self._client = client

    async def deploy(self, *names: str, replicas: int = 10) -> None:
        """Deployments of v1, all pods available; the strategy is Kubernetes' own default."""
        for name in names:
            await self.kubernetes.create(DEPLOYMENTS, NAMESPACE, deployment(name, replicas, "v1"))
        await asyncio.gather(*(self.rolled_out(name) for name in names))

    async def rolled_out(self, name: str) -> None:
        await kubectl(self.state, "-n", NAMESPACE, "rollout", "status", f"deployment/{name}", "--timeout=120s")

    async def remove(self, *names: str) -> None:
        await kubectl(self.state, "-n", NAMESPACE, "delete", "deployment", "--wait", "--cascade=foreground", *names)

    async def publish(
        self,
        name: str,
        version: str,
        steps: tuple[str, ...] = FIVE_STEPS,
        *,
        approve: bool = False,
        resource: Resource = DEPLOYMENTS,
        style: Style = "partition",
        traffic: tuple[dict[str, Any], ...] = (),
    ) -> str:
        """Asks for one rollout and returns its id; with routes, each step has as much of the traffic as of the pods."""
        rollout = f"{name}-{version}".replace("_", "-")
        body = {
            "type": "rollout.requested.v1",
            "rollout": rollout,
            "workload": {"name": name, "kind": resource.kind, "api_version": resource.api_version},
            "strategy": style,
            "change": {"images": {"web": image(version)}},
            "traffic": traffic,
            "steps": [_step(step, approve=approve, shared=bool(traffic)) for step in steps],
        }
        subject = subjects.requests("default", NAMESPACE)
        await self._client.request(subject, msgspec.json.encode(body), timeout=PUBLISH_TIMEOUT_S)
        return rollout

    async def guard(self, name: str, steps: tuple[str, ...]) -> None:
        """Has every change of a Deployment's template rolled out in these steps, each approved."""
        request = {
            "type": "rollout.requested.v1",
            "workload": {"name": name},
            "steps": [{"replicas": step, "pause": {}} for step in steps],
        }
        subject = subjects.guard(WorkloadKey.of("default", NAMESPACE, WorkloadReference(name=name)))
        body = {"type": "guard.set.v1", "by": "bench", "request": request}
        await self._client.request(subject, msgspec.json.encode(body), timeout=PUBLISH_TIMEOUT_S)

    async def control(self, rollout: str, tag: str) -> None:
        subject = subjects.controls("default", NAMESPACE, rollout)
        await self._client.request(
            subject, msgspec.json.encode({"type": tag, "by": "bench"}), timeout=PUBLISH_TIMEOUT_S
        )

    async def ended(self, rollout: str, timeout_s: float) -> tuple[Decision, float]:
        """The terminal event, and when it was heard here."""
        await self.heard(lambda: terminal(self.listener.of(rollout)) is not None, f"the end of {rollout}", timeout_s)
        end = terminal(self.listener.of(rollout))
        assert end is not None, "it was waited for"
        return end, time.time()

    async def heard(self, condition: Condition, what: str, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    await self.listener.heard()
        except TimeoutError as error:
            raise TimeoutError(f"{what} was not heard of within {timeout_s:g} s") from error


def _step(replicas: str, *, approve: bool, shared: bool) -> dict[str, Any]:
    share = {"traffic": {"weight_percent": int(replicas.removesuffix("%"))}} if shared else {}
    return {"replicas": replicas, **share, **({"pause": {}} if approve else {})}


def image(version: str) -> str:
    return f"registry.example/web:{version}"


def deployment(name: str, replicas: int, version: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {"name": "web", "image": image(version), "ports": [{"containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 5, "containers": [container]},
            },
        },
    }


@asynccontextmanager
async def open_lab(state: SandboxState) -> AsyncIterator[Lab]:
    async with (
        running_stack(state) as stack,
        await KubernetesClient.connect(str(state.kubeconfig_path), field_manager="tidegate-bench") as kubernetes,
        listening(state) as listener,
        requester(state) as client,
    ):
        yield Lab(state, stack, kubernetes, listener, client)
