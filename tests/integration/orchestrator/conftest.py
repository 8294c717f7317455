"""A fresh server, services that do at once what they are ordered, and copies of the orchestrator to be killed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.nats import NatsServer, nats_server
from support.orchestrators import Orchestrators, Outsider, obliging_services, orchestrators, outsider


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with nats_server() as running:
        yield running


@pytest.fixture
async def saga(server: NatsServer) -> AsyncIterator[Outsider]:
    async with outsider(server) as connected:
        yield connected


@pytest.fixture
async def copies(server: NatsServer, tmp_path: Path) -> AsyncIterator[Orchestrators]:
    async with orchestrators(server, tmp_path) as started:
        yield started


@pytest.fixture
async def services(server: NatsServer) -> AsyncIterator[None]:
    async with obliging_services(server):
        yield
