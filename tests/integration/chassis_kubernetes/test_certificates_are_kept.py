"""A real API server calls our webhook, trusting what we published: at first, after an edit and after a rotation."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.clock import ManualClock
from support.reviewing_process import REFUSAL, serving

from tidegate_chassis.certificates import make_authority
from tidegate_chassis.certificates_store import (
    SECRETS,
    VALIDATING,
    CertificateKeeper,
    Kept,
    Place,
)
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient, PatchStyle
from tidegate_chassis.kubernetes.objects import NotFound
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.rotation import DAY_S, RENEWED_AT, Lifetimes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
LIFETIMES = Lifetimes(authority_s=90 * DAY_S, serving_s=7 * DAY_S)
ANSWERS_WITHIN_S = 20.0
UNTRUSTED = "certificate signed by unknown authority"


@pytest.fixture
async def place(client: KubernetesClient, namespace: str, port: int) -> AsyncIterator[Place]:
    made = await client.create(VALIDATING, None, _configuration(namespace, port))
    yield Place(VALIDATING, namespace)
    uid = msgspec.json.decode(made)["metadata"]["uid"]
    await client.delete(VALIDATING, None, namespace, uid=uid)


async def test_the_api_server_trusts_what_is_served(
    sandbox: SandboxState, client: KubernetesClient, namespace: str, *, port: int, place: Place, tmp_path: Path
) -> None:
    clock = ManualClock(time.time() - LIFETIMES.authority_s * RENEWED_AT - DAY_S)
    keepers = [_keeper(client, clock, namespace, place, tmp_path / name) for name in ("one", "two")]
    await _look(keepers)
    clock.advance(LIFETIMES.authority_s * RENEWED_AT - DAY_S)
    await _look(keepers)
    first = await _secret(client, namespace)
    async with serving(sandbox, port, tmp_path / "one"):
        await _until_answered(client, namespace, REFUSAL)

        await _publish_a_strangers(client, place)
        await _until_answered(client, namespace, UNTRUSTED)
        await keepers[1].look()
        await _until_answered(client, namespace, REFUSAL)

    clock.advance(2 * DAY_S)
    await _look(keepers)
    second = await _secret(client, namespace)
    assert second["former.crt"] == first["authority.crt"] != second["authority.crt"]
    assert {keeper.serving.issuer_pem for keeper in keepers if keeper.serving} == {second["authority.crt"]}
    async with serving(sandbox, port, tmp_path / "two"):
        await _until_answered(client, namespace, REFUSAL)


def _keeper(
    client: KubernetesClient, clock: ManualClock, namespace: str, place: Place, directory: Path
) -> CertificateKeeper:
    directory.mkdir()
    return CertificateKeeper(
        client, clock, Kept(namespace, "authority", ("localhost",), (place,), directory, LIFETIMES)
    )


async def _look(keepers: list[CertificateKeeper]) -> None:
    """All at once, on the real API server; whoever was slower looks once more, as it would a little later."""
    await asyncio.gather(*(keeper.look() for keeper in keepers))
    for keeper in keepers:
        await keeper.look()


def _configuration(namespace: str, port: int) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    webhook = {
        "name": "reviews.tidegate.dev",
        "clientConfig": {"url": f"https://localhost:{port}/review"},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
    }
    return {
        "apiVersion": VALIDATING.api_version,
        "kind": VALIDATING.kind,
        "metadata": {"name": namespace},
        "webhooks": [webhook],
    }


async def _publish_a_strangers(client: KubernetesClient, place: Place) -> None:
    stranger = make_authority("a stranger", now_s=time.time(), life_s=DAY_S).certificate.pem
    found = await client.get(place.resource, None, place.name)
    assert not isinstance(found, NotFound)
    edited = msgspec.json.decode(found)["webhooks"]
    edited[0]["clientConfig"]["caBundle"] = base64.b64encode(stranger).decode()
    await client.patch(place.resource, None, place.name, {"webhooks": edited}, style=PatchStyle.MERGE)


async def _secret(client: KubernetesClient, namespace: str) -> dict[str, bytes]:
    found = await client.get(SECRETS, namespace, "authority")
    assert not isinstance(found, NotFound)
    return {key: base64.b64decode(value) for key, value in msgspec.json.decode(found)["data"].items()}


async def _answer(client: KubernetesClient, namespace: str) -> str:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "web-"}}
    try:
        await client.create(CONFIG_MAPS, namespace, body, dry_run=True)
    except OperatingError as error:
        return error.reason
    return "made"


async def _until_answered(client: KubernetesClient, namespace: str, expected: str) -> None:
    answer = ""
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while expected not in answer:
                answer = await _answer(client, namespace)
    except TimeoutError:
        pytest.fail(f"{expected!r} was not answered; the last answer: {answer}")
