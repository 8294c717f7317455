"""A running webhook server whose certificates are rotated: whoever trusts the published bundle never notices."""

import asyncio
import base64
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY
from support.clock import ManualClock
from support.secret_shelf import SecretShelf
from support.until import until

from tidegate_chassis import webhooks
from tidegate_chassis.certificates_store import (
    CERTIFICATE_FILE,
    KEY_FILE,
    SECRETS,
    VALIDATING,
    CertificateKeeper,
    Kept,
    Place,
)
from tidegate_chassis.certified import Certified
from tidegate_chassis.errors import Transient
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.rotation import DAY_S, RENEWED_AT, Lifetimes
from tidegate_chassis.webhooks import WebhookServer, WebhookSettings
from tidegate_sandbox.ports import free_port

LIFETIMES = Lifetimes(authority_s=90 * DAY_S, serving_s=7 * DAY_S)
UNTIL_DUE_S = LIFETIMES.authority_s * RENEWED_AT
PLACE = Place(VALIDATING, "reviews")


class GatedClock(ManualClock):
    """Whoever sleeps does so until the test lets them look again."""

    def __init__(self, now_s: float) -> None:
        super().__init__(now_s)
        self._gate = asyncio.Event()
        self.sleepers = 0

    async def sleep(self, _seconds: float) -> None:
        gate = self._gate
        self.sleepers += 1
        await gate.wait()

    def wake(self) -> None:
        self.sleepers = 0
        self._gate.set()
        self._gate = asyncio.Event()


class World:
    """One copy's webhook, and the API server's part: it trusts the bundle that stands in the configuration."""

    def __init__(self, directory: Path, port: int) -> None:
        self.clock = GatedClock(time.time() - UNTIL_DUE_S - DAY_S)
        self.shelf = SecretShelf()
        self.shelf.put(VALIDATING, PLACE.name, {"webhooks": [{"name": "a", "clientConfig": {}}]})
        self.failing = False
        self.port = port
        kept = Kept("tidegate-system", "authority", ("localhost",), (PLACE,), directory, LIFETIMES)
        settings = WebhookSettings(nats_url="nats://nobody", webhook_port=port)
        files = (directory / CERTIFICATE_FILE, directory / KEY_FILE)
        self.server = WebhookServer(settings, {"/review": lambda body: body}, files)
        self.keeper = CertificateKeeper(self, self.clock, kept)
        self.certified = Certified(self.clock, self.keeper, self.server, directory)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> bytes | NotFound:
        if self.failing:
            raise Transient("the API server does not answer")
        return await self.shelf.get(resource, namespace, name)

    async def create(self, *arguments: Any, **more: Any) -> bytes:
        return await self.shelf.create(*arguments, **more)

    async def patch(self, *arguments: Any, **more: Any) -> bytes | NotFound:
        return await self.shelf.patch(*arguments, **more)

    async def secret(self) -> dict[str, bytes]:
        found = await self.shelf.get(SECRETS, "tidegate-system", "authority")
        assert not isinstance(found, NotFound)
        return {key: base64.b64decode(value) for key, value in msgspec.json.decode(found)["data"].items()}

    async def look_again(self) -> None:
        """What the keeper does when its period has passed, to the end."""
        self.clock.wake()
        await until(lambda: self.clock.sleepers == 1, within_s=10, what="a look")

    async def serves_what_was_issued(self) -> bool:
        """For a client that would take anything: the very first certificate has expired by the world's clock."""
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        assert self.keeper.serving is not None
        return ssl.DER_cert_to_PEM_cert(await self._ask(trusting)).encode() == self.keeper.serving.keyed.certificate.pem

    async def ask(self) -> bytes:
        """The certificate that answered a review on a new connection, verified as the API server does."""
        found = self.shelf.objects[VALIDATING.plural, PLACE.name]
        bundle = base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"]).decode()
        return await self._ask(ssl.create_default_context(cadata=bundle))

    async def _ask(self, trusting: ssl.SSLContext) -> bytes:
        reader, writer = await asyncio.open_connection("localhost", self.port, ssl=trusting)
        try:
            asked = b"POST /review HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
            writer.write(asked)
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 200"), answer
            assert answer.endswith(b"hi"), answer
            served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            assert isinstance(served, bytes)
            return served
        finally:
            writer.close()
            with suppress(ssl.SSLError, ConnectionError):  # the server may close first, without a TLS goodbye
                await writer.wait_closed()


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def world(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(webhooks, "CERTIFICATE_LOOK_S", 0.02)
    made = World(tmp_path, port)
    running = asyncio.create_task(made.certified.run())
    await until(lambda: made.server.problem() is None, within_s=10, what="a server")
    await until(lambda: made.clock.sleepers == 1, within_s=10, what="the first look")
    made.clock.advance(UNTIL_DUE_S - DAY_S)
    await made.look_again()
    async with asyncio.timeout(10):
        while not await made.serves_what_was_issued():
            pass
    yield made
    await made.certified.stop()
    await asyncio.wait_for(running, 10)
    assert not await asyncio.to_thread(tmp_path.exists), "no key is left behind"


async def test_a_rotation_is_noticed_by_nobody_who_asks(world: World) -> None:
    first = await world.ask()
    signed_first = (await world.secret())["authority.crt"]
    world.clock.advance(2 * DAY_S)
    await world.look_again()
    secret = await world.secret()
    assert secret["former.crt"] == signed_first != secret["authority.crt"]
    async with asyncio.timeout(10):
        while await world.ask() == first:  # every answer on the way there is verified, too
            pass


async def test_an_authority_that_is_gone_is_made_anew_while_it_serves(world: World) -> None:
    del world.shelf.objects[SECRETS.plural, "authority"]
    await world.ask()
    await world.look_again()
    assert (await world.secret())["authority.crt"]
    await world.ask()


async def test_an_api_server_that_does_not_answer_costs_nothing_while_the_certificate_is_valid(world: World) -> None:
    world.failing = True
    await world.look_again()
    await world.ask()
    assert world.keeper.problem() is None
    world.clock.advance(LIFETIMES.serving_s)
    assert world.keeper.problem() == "certificates can't be kept: the API server does not answer"
    world.failing = False
    await world.look_again()
    assert world.keeper.problem() is None


async def test_each_answer_is_counted_with_its_time(world: World) -> None:
    def answers() -> float:
        return REGISTRY.get_sample_value("tidegate_webhook_seconds_count", {"path": "/review"}) or 0.0

    before = answers()
    await world.ask()
    await until(lambda: answers() == before + 1, within_s=10, what="the answer's time")
