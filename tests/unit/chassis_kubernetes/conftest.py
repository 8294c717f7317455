"""A fake API server and a client for it, with short limits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.fake_kubernetes import FakeApiServer, write_kubeconfig

from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.connection import connect_kubeconfig
from tidegate_chassis.kubernetes.retry import Backoff
from tidegate_chassis.kubernetes.transport import Limits


@pytest.fixture
async def server() -> AsyncIterator[FakeApiServer]:
    async with FakeApiServer().serving() as fake:
        yield fake


@pytest.fixture
async def client(server: FakeApiServer, tmp_path: Path) -> AsyncIterator[KubernetesClient]:
    connection = await connect_kubeconfig(write_kubeconfig(tmp_path / "config", server.url, {"token": "secret"}))
    retries = Backoff(first_s=0.01, max_s=0.02, attempts_max=3)
    limits = Limits(request_timeout_s=0.5, connect_timeout_s=0.5)
    async with KubernetesClient(connection, field_manager="tester", limits=limits, retries=retries) as made:
        yield made
