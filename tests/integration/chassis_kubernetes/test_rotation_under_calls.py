"""A running server's certificates are rotated under a real API server's calls, each on a connection of its own.

It serves all that has a bundle: a validating and a mutating webhook, and a definition's conversion. Whatever is asked,
at every moment of the rotation, is verified and answered.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from support.clock import ManualClock
from support.reviewing_process import CONVERTED, PATCHED, REFUSAL, RENEWED, serving

from tidegate_chassis.certificates_store import (
    DEFINITIONS,
    MUTATING,
    VALIDATING,
    CertificateKeeper,
    Kept,
    Place,
)
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.rotation import DAY_S, RENEWED_AT, Lifetimes, Step
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
ACCOUNTS: Final = Resource("", "v1", "serviceaccounts", "ServiceAccount")
LIFETIMES: Final = Lifetimes(authority_s=90 * DAY_S, serving_s=7 * DAY_S)
UNTIL_DUE_S: Final = LIFETIMES.authority_s * RENEWED_AT
ANSWERS_WITHIN_S: Final = 20.0
ROUNDS: Final = 5
"""Of calls in each state of a rotation, at least."""


class Caller:
    """Somebody whose writes have the API server call each of the three."""

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._things = Resource(f"{namespace}.tidegate.dev", "v1", "things", "Thing")
        self._rounds = asyncio.Condition()
        self._done = 0

    async def call(self) -> list[str]:
        """What went otherwise than it should."""
        refused, patched, converted = await asyncio.gather(
            self._write(CONFIG_MAPS), self._write(ACCOUNTS), self._write(self._things)
        )
        wrong = [] if REFUSAL in str(refused) else [f"refused: {refused}"]
        wrong += (
            [] if isinstance(patched, dict) and patched["metadata"].get("annotations") == PATCHED else [f"{patched}"]
        )
        return wrong + ([] if isinstance(converted, dict) and converted["spec"] == CONVERTED else [f"{converted}"])

    async def _write(self, resource: Resource) -> Any:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {"generateName": "web-"}}
        try:
            return msgspec.json.decode(await self._client.create(resource, self._namespace, body, dry_run=True))
        except OperatingError as error:
            return error.reason

    async def call_all_the_time(self) -> None:
        while True:
            assert await self.call() == []
            async with self._rounds:
                self._done += 1
                self._rounds.notify_all()

    async def some_rounds(self) -> None:
        async with self._rounds:
            begun = self._done
            await self._rounds.wait_for(lambda: self._done > begun + ROUNDS)

    async def until_answered(self) -> None:
        wrong = ["nothing was asked"]
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                while wrong:
                    wrong = await self.call()
        except TimeoutError:
            pytest.fail(str(wrong))


@pytest.fixture
async def places(client: KubernetesClient, namespace: str, port: int) -> AsyncIterator[tuple[Place, ...]]:
    bodies = (
        _webhook(VALIDATING, namespace, port),
        _webhook(MUTATING, namespace, port),
        _definition(f"{namespace}.tidegate.dev", port),
    )
    resources = (VALIDATING, MUTATING, DEFINITIONS)
    made = [
        msgspec.json.decode(await client.create(resource, None, body))["metadata"]
        for resource, body in zip(resources, bodies, strict=True)
    ]
    yield tuple(Place(resource, each["name"]) for resource, each in zip(resources, made, strict=True))
    for resource, each in zip(resources, made, strict=True):
        await client.delete(resource, None, each["name"], uid=each["uid"])


async def test_a_rotation_is_noticed_by_nobody_who_asks(
    sandbox: SandboxState,
    client: KubernetesClient,
    namespace: str,
    *,
    port: int,
    places: tuple[Place, ...],
    tmp_path: Path,
) -> None:
    clock = ManualClock(time.time() - UNTIL_DUE_S - DAY_S)
    keeper = CertificateKeeper(client, clock, Kept(namespace, "authority", ("localhost",), places, tmp_path, LIFETIMES))
    await keeper.look()
    clock.advance(UNTIL_DUE_S - DAY_S)
    await keeper.look()
    caller = Caller(client, namespace)
    async with serving(sandbox, port, tmp_path) as log, asyncio.TaskGroup() as group:
        await caller.until_answered()
        calling = group.create_task(caller.call_all_the_time())
        clock.advance(2 * DAY_S)
        for expected in (Step.REPLACE_AUTHORITY, Step.PUBLISH, Step.ISSUE, Step.NOTHING):
            assert await keeper.step() is expected
            await caller.some_rounds()
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            while RENEWED not in await log.readline():
                pass
        await caller.some_rounds()
        calling.cancel()


def _webhook(resource: Resource, namespace: str, port: int) -> dict[str, Any]:
    path, asked = ("review", CONFIG_MAPS) if resource is VALIDATING else ("patch", ACCOUNTS)
    webhook = {
        "name": "reviews.tidegate.dev",
        "clientConfig": {"url": f"https://localhost:{port}/{path}"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [asked.plural]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
    }
    metadata = {"name": namespace}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "webhooks": [webhook]}


def _definition(group: str, port: int) -> dict[str, Any]:
    """Of things that are written in a version that isn't stored."""
    spec = {"type": "object", "properties": {"converted": {"type": "string"}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    versions = [{"name": name, "served": True, "storage": name == "v2", "schema": schema} for name in ("v1", "v2")]
    client = {"url": f"https://localhost:{port}/convert"}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    return {
        "apiVersion": DEFINITIONS.api_version,
        "kind": DEFINITIONS.kind,
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }
