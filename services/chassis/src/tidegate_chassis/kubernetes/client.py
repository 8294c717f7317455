"""The Kubernetes client of every service: a few verbs over plain JSON, with limits, retries and typed errors.

Workload kinds and routers call it for live reads and for writes; `reflector` calls `list_page` and `watch`. Answers
are raw bytes that callers decode into their own small Structs; an object that is not there is the value `NotFound`.
Every error is one of `tidegate_chassis.errors`: `Transient` has been retried already, `Conflict`, `Permanent` and
`UnknownOutcome` have not. Next: `transport` sends, `status` interprets refusals.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import msgspec

from tidegate_chassis.errors import OperatingError, Permanent
from tidegate_chassis.kubernetes.connection import Connection, load_connection
from tidegate_chassis.kubernetes.discovery import group_version_path, served_kinds
from tidegate_chassis.kubernetes.objects import ListPage, NotFound, WatchEvent, decode
from tidegate_chassis.kubernetes.patience import Patience
from tidegate_chassis.kubernetes.resources import Resource
from tidegate_chassis.kubernetes.retry import CALL_RETRIES, Backoff, with_retries
from tidegate_chassis.kubernetes.status import Attempt, Expired, interpret, status_code
from tidegate_chassis.kubernetes.transport import Answer, Limits, Request, Transport, translate
from tidegate_chassis.kubernetes.watch import FrameCutter

__all__ = ["KubernetesClient", "PatchStyle"]

T = TypeVar("T")

PAGE_ITEMS_MAX = 500
WATCH_SERVER_TIMEOUT_S = 270
WATCH_IDLE_TIMEOUT_S = 75.0  # a bookmark comes about once a minute
GONE = 410


class PatchStyle(StrEnum):
    """How a patch is merged: the content type it is sent with."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


class KubernetesClient:
    """One API server, seen by one service.

    Args:
        connection: Where it is and who we are.
        field_manager: The name under which our fields are owned, also the user agent.
        limits: Concurrency and time limits.
        retries: How often a `Transient` is tried again.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        field_manager: str,
        limits: Limits | None = None,
        retries: Backoff = CALL_RETRIES,
    ) -> None:
        self.field_manager = field_manager
        self._retries = retries
        self._transport = Transport(connection, user_agent=field_manager, limits=limits or Limits())
        self._patience = Patience()
        self._served: dict[tuple[str, str], Resource] = {}

    @classmethod
    async def connect(cls, kubeconfig: str | None, *, field_manager: str, context: str | None = None) -> Self:
        """Connect by a kubeconfig, or by the pod's service account when there is none."""
        return cls(await load_connection(kubeconfig, context), field_manager=field_manager)

    async def close(self) -> None:
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    # Reads

    async def get(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        subresource: str = "",
        timeout_s: float | None = None,
    ) -> bytes | NotFound:
        """Read one object live: from etcd, never from a cache."""
        attempt = Attempt("get", resource.qualified_plural, namespace, name)
        path = resource.object_path(namespace, name, subresource=subresource)
        return await self._call(Request("GET", path, attempt, timeout_s=timeout_s))

    async def read(self, resource: Resource, namespace: str | None, name: str, as_type: type[T]) -> T | NotFound:
        """Read one object live and decode it."""
        answer = await self.get(resource, namespace, name)
        return answer if isinstance(answer, NotFound) else decode(answer, as_type)

    async def list_page(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        continue_token: str = "",
        limit: int = PAGE_ITEMS_MAX,
        timeout_s: float | None = None,
    ) -> ListPage:
        """List one page.

        Raises:
            Expired: The continue token is too old; start again.
        """
        query = _without_empty(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            limit=str(limit) if limit else "",
        )
        query |= {"continue": continue_token} if continue_token else {}
        attempt = Attempt("list", resource.qualified_plural, namespace)
        path = resource.collection_path(namespace)
        answer = await self._call(Request("GET", path, attempt, query=query, timeout_s=timeout_s))
        assert not isinstance(answer, NotFound), "a collection that is not served is a Permanent error"
        page = decode(answer, _List)
        return ListPage(page.items or [], page.metadata.resource_version, page.metadata.continue_token)

    async def list_all(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> ListPage:
        """List every page, consistently, live; the resource version is the one to watch from."""
        items: list[msgspec.Raw] = []
        token = ""
        while True:
            try:
                page = await self.list_page(
                    resource,
                    namespace,
                    label_selector=label_selector,
                    field_selector=field_selector,
                    continue_token=token,
                )
            except Expired:
                # The pages took longer than etcd keeps a version: the whole list in one answer can't expire.
                return await self.list_page(
                    resource, namespace, label_selector=label_selector, field_selector=field_selector, limit=0
                )
            items += page.items
            token = page.continue_token
            if not token:
                return ListPage(items, page.resource_version, "")

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
        server_timeout_s: int = WATCH_SERVER_TIMEOUT_S,
        idle_timeout_s: float = WATCH_IDLE_TIMEOUT_S,
    ) -> AsyncIterator[WatchEvent]:
        """Yield the frames of one watch until the server ends it; bookmarks are asked for and passed on.

        Raises:
            Expired: The resource version is too old; list again.
            Transient: The stream broke, or stayed silent for `idle_timeout_s`.
        """
        query = _without_empty(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
            timeoutSeconds=str(server_timeout_s),
        )
        attempt = Attempt("watch", resource.qualified_plural, namespace)
        request = Request("GET", resource.collection_path(namespace), attempt, query=query)
        async with self._transport.stream(request, idle_timeout_s=idle_timeout_s) as response:
            if not response.ok:
                raise _refusal(attempt, Answer(response.status, await response.read(), None))
            async for event in _frames(attempt, response):
                yield event

    # Writes

    async def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        style: PatchStyle,
        subresource: str = "",
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> bytes | NotFound:
        """Patch one object; put `metadata.resourceVersion` into a merge patch to have it refused when stale.

        Raises:
            Conflict: Stale, or (server-side apply, which is never forced) the field belongs to another manager.
            UnknownOutcome: Read the object back.
        """
        attempt = Attempt(
            "patch",
            resource.qualified_plural,
            namespace,
            name,
            is_write=True,
            is_json_patch=style is PatchStyle.JSON,
        )
        path = resource.object_path(namespace, name, subresource=subresource)
        return await self._write("PATCH", path, attempt, body, style.value, dry_run=dry_run, timeout_s=timeout_s)

    async def apply(
        self, resource: Resource, namespace: str | None, name: str, body: Any, *, dry_run: bool = False
    ) -> bytes | NotFound:
        """Server-side apply of exactly the fields we own; makes the object if it isn't there."""
        return await self.patch(resource, namespace, name, body, style=PatchStyle.APPLY, dry_run=dry_run)

    async def create(
        self,
        resource: Resource,
        namespace: str | None,
        body: Any,
        *,
        name: str = "",
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> bytes:
        """Create an object; `name` is for messages only.

        Raises:
            Conflict: With cause `exists` when it is there already.
        """
        attempt = Attempt("create", resource.qualified_plural, namespace, name, is_write=True)
        path = resource.collection_path(namespace)
        answer = await self._write(
            "POST", path, attempt, body, "application/json", dry_run=dry_run, timeout_s=timeout_s
        )
        assert not isinstance(answer, NotFound), "a create's 404 is a Permanent error"
        return answer

    async def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        grace_period_s: int | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
        timeout_s: float | None = None,
    ) -> bytes | NotFound:
        """Delete exactly the object with this uid (and, if given, this version); a namesake is a Conflict."""
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        options: dict[str, Any] = {"preconditions": preconditions, "propagationPolicy": propagation}
        if grace_period_s is not None:
            options["gracePeriodSeconds"] = grace_period_s
        attempt = Attempt("delete", resource.qualified_plural, namespace, name, is_write=True)
        path = resource.object_path(namespace, name)
        return await self._write(
            "DELETE", path, attempt, options, "application/json", dry_run=dry_run, timeout_s=timeout_s
        )

    # Others

    async def discover(self, api_version: str, kind: str) -> Resource | NotFound:
        """Find the resource that serves a kind; found ones are remembered, missing ones asked for again."""
        known = self._served.get((api_version, kind))
        if known is not None:
            return known
        try:
            answer = await self.get_path(group_version_path(api_version))
        except Permanent as error:
            if error.code != "kind-not-served":
                raise
        else:
            self._served.update(served_kinds(api_version, answer))
        return self._served.get((api_version, kind)) or NotFound(api_version, None, kind)

    async def get_path(self, path: str) -> bytes:
        """GET any other path, such as `/version` or `/readyz`."""
        answer = await self._call(Request("GET", path, Attempt("get", "path", name=path)))
        assert not isinstance(answer, NotFound), "a path that is not served is a Permanent error"
        return answer

    async def _write(
        self,
        method: str,
        path: str,
        attempt: Attempt,
        body: Any,
        content_type: str,
        *,
        dry_run: bool,
        timeout_s: float | None,
    ) -> bytes | NotFound:
        query = {} if method == "DELETE" else {"fieldManager": self.field_manager}
        query |= {"dryRun": "All"} if dry_run else {}
        payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
        request = Request(method, path, attempt, query, payload, content_type, timeout_s)
        return await self._call(request)

    async def _call(self, request: Request) -> bytes | NotFound:
        return await with_retries(lambda: self._attempt(request), self._retries)

    async def _attempt(self, request: Request) -> bytes | NotFound:
        try:
            answer = await self._transport.send(request)
        except OperatingError as error:
            raise self._patience.judge(request.attempt, error) from error
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own classes
            self._patience.worked(request.attempt)
            return answer.body
        meaning = interpret(request.attempt, answer.status, answer.body, answer.retry_after)
        if isinstance(meaning, NotFound):
            return meaning
        raise self._patience.judge(request.attempt, meaning)


class _ListMeta(msgspec.Struct):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    continue_token: str = msgspec.field(name="continue", default="")


class _List(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


async def _frames(attempt: Attempt, response: aiohttp.ClientResponse) -> AsyncIterator[WatchEvent]:
    cutter = FrameCutter()
    try:
        async for chunk in response.content.iter_any():
            for event in cutter.feed(chunk):
                if event.type == "ERROR":
                    raise _refusal(attempt, Answer(status_code(event.object), bytes(event.object), None))
                yield event
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise translate(attempt, error) from error


def _refusal(attempt: Attempt, answer: Answer) -> OperatingError:
    meaning = interpret(attempt, answer.status, answer.body, answer.retry_after)
    if isinstance(meaning, NotFound):
        return Permanent(str(meaning), code="kind-not-served", value=attempt.resource)
    return meaning


def _without_empty(**values: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
