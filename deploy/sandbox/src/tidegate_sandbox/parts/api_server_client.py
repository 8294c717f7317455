"""The few calls that setting a sandbox up needs: is the API server ready, create, apply, does a resource exist.

Used by the groups of parts only; services of the product use the chassis' Kubernetes access.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.supervisor.steps import NotReadyError, Probe, wait_for

FIELD_MANAGER = "tidegate-sandbox"
OK, CREATED, NOT_FOUND, CONFLICT = 200, 201, 404, 409
PARALLEL_WRITES = 8

Manifest = dict[str, Any]


class ApiServerClient:
    """Speaks as the administrator."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str, trust: ssl.SSLContext) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._trust = trust
        self._paths: dict[tuple[str, str], tuple[str, bool]] = {}

    async def get(self, path: str) -> tuple[int, Any]:
        return await self._request("GET", path)

    async def check(self, path: str) -> None:
        """Raise `NotReadyError` unless the path answers 200."""
        status, _ = await self.get(path)
        if status != OK:
            raise NotReadyError(f"{path} answers {status}")

    async def stream(self, path: str, *, silent_s_max: float) -> AsyncIterator[bytes]:
        """The lines of a watch, until it ends or nothing comes for too long."""
        timeout = aiohttp.ClientTimeout(total=None, connect=2, sock_read=silent_s_max)
        async with self._session.get(
            self._url + path, headers=self._headers, ssl=self._trust, timeout=timeout
        ) as response:
            if response.status != OK:
                raise NotReadyError(f"{path} answers {response.status}")
            pending = b""
            async for chunk in response.content.iter_any():
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    yield line

    async def create_all(self, manifests: Iterable[Manifest]) -> None:
        """Create what is missing, several at a time; what is there already stays as it is."""
        gate = asyncio.Semaphore(PARALLEL_WRITES)

        async def create(manifest: Manifest) -> None:
            async with gate:
                await _insist(partial(self._create, manifest), "create", manifest)

        await asyncio.gather(*(create(manifest) for manifest in manifests))

    async def _create(self, manifest: Manifest) -> None:
        path = await self._collection(manifest)
        status, body = await self._request("POST", path, manifest)
        if status not in {OK, CREATED, CONFLICT}:
            raise _refused("create", manifest, status, body)

    async def apply_all(self, manifests: Iterable[Manifest]) -> None:
        """Server-side apply, namespaces first, then several at a time."""
        gate = asyncio.Semaphore(PARALLEL_WRITES)

        async def apply(manifest: Manifest) -> None:
            async with gate:
                await _insist(partial(self._apply, manifest), "apply", manifest)

        ordered = sorted(manifests, key=lambda manifest: manifest["kind"] != "Namespace")
        for _, group in groupby(ordered, key=lambda manifest: manifest["kind"] == "Namespace"):
            await asyncio.gather(*(apply(manifest) for manifest in group))

    async def _apply(self, manifest: Manifest) -> None:
        options = f"fieldManager={FIELD_MANAGER}&force=true"
        path = f"{await self._collection(manifest)}/{manifest['metadata']['name']}?{options}"
        status, body = await self._request("PATCH", path, manifest, "application/apply-patch+yaml")
        if status not in {OK, CREATED}:
            raise _refused("apply", manifest, status, body)

    async def _collection(self, manifest: Manifest) -> str:
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        if (version, kind) not in self._paths:
            status, answer = await self.get(root)
            if status != OK:
                raise SandboxError(f"the API server knows no {version} (of {kind}): it answers {status}")
            for resource in answer["resources"]:
                if "/" not in resource["name"]:
                    self._paths[version, resource["kind"]] = (resource["name"], resource["namespaced"])
        if (version, kind) not in self._paths:
            raise SandboxError(f"the API server knows no {kind} in {version}")
        plural, namespaced = self._paths[version, kind]
        namespace = manifest["metadata"].get("namespace", "default")
        return f"{root}/namespaces/{namespace}/{plural}" if namespaced else f"{root}/{plural}"

    async def _request(
        self, method: str, path: str, body: Manifest | None = None, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        data = None if body is None else msgspec.json.encode(body)
        headers = self._headers | ({"Content-Type": content_type} if data else {})
        try:
            async with self._session.request(
                method, self._url + path, data=data, headers=headers, ssl=self._trust
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotReadyError(str(error)) from error
        is_json = response.content_type == "application/json"
        return response.status, msgspec.json.decode(content) if is_json else content.decode(errors="replace")


def manifests_from_lines(path: Path) -> list[Manifest]:
    """The manifests of a `.jsonl` file of the cache."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


async def _insist(write: Probe, verb: str, manifest: Manifest) -> None:
    """A write without an answer, on a machine that is very busy, may be done or not: again is right in either case."""
    await wait_for(write, what=f"the API server's answer to {verb} {_name_of(manifest)}")


def definitions_from_lines(path: Path) -> list[Manifest]:
    """CRDs without what they say to people: three quarters of their bytes, which every start would pay for."""
    return [without_descriptions(manifest) for manifest in manifests_from_lines(path)]


def without_descriptions(schema: Any, *, named: bool = False) -> Any:
    """A schema's `description` goes; a property of that name (`named`: its keys are properties' names) stays."""
    if isinstance(schema, list):
        return [without_descriptions(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: without_descriptions(value, named=name == "properties" and not named)
        for name, value in schema.items()
        if named or name != "description" or not isinstance(value, str)
    }


def _refused(verb: str, manifest: Manifest, status: int, body: object) -> SandboxError:
    reason = body.get("message", body) if isinstance(body, dict) else body
    return SandboxError(f"the API server refuses to {verb} {_name_of(manifest)}: {status} {reason}")


def _name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"
