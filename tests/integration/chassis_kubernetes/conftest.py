"""A client of the sandbox's API server, and a port on which a test may serve it webhooks."""

from collections.abc import AsyncIterator

import pytest

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_sandbox.ports import free_port
from tidegate_sandbox.state import SandboxState


@pytest.fixture
async def client(sandbox: SandboxState) -> AsyncIterator[KubernetesClient]:
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="tester") as connected:
        yield connected


@pytest.fixture
def port() -> int:
    return free_port()
