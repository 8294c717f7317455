"""Whether our service account may do what an order for a kind of the user's choice needs, and how that kind is served.

Asked by `scripting`: no role of ours names such a kind, so that the user has to grant it. A right that was found is not
asked for again; a write that is refused later says so by itself.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from tidegate_chassis.errors import Permanent
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import NotFound, decode
from tidegate_chassis.kubernetes.resources import SELF_SUBJECT_ACCESS_REVIEWS, Resource


class _Answer(msgspec.Struct, frozen=True):
    allowed: bool = False


class _Review(msgspec.Struct, frozen=True):
    status: _Answer = _Answer()


class _Version(msgspec.Struct, frozen=True, rename="camel"):
    group_version: str = ""


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    versions: tuple[_Version, ...] = ()
    """The preferred one first."""


class Rights:
    """Args:
    client: Whose rights they are.
    """

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._found: set[Resource] = set()

    async def missing(self, resource: Resource, verbs: Sequence[str]) -> tuple[str, ...]:
        """The verbs that are not allowed in the whole cluster."""
        if resource in self._found:
            return ()
        allowed = await asyncio.gather(*[self._may(resource, verb) for verb in verbs])
        missing = tuple(verb for verb, may in zip(verbs, allowed, strict=True) if not may)
        if not missing:
            self._found.add(resource)
        return missing

    async def _may(self, resource: Resource, verb: str) -> bool:
        attributes = {"group": resource.group, "resource": resource.plural, "verb": verb}
        kind = SELF_SUBJECT_ACCESS_REVIEWS
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "spec": {"resourceAttributes": attributes}}
        return decode(await self._client.create(kind, None, body), _Review).status.allowed


async def preferred(client: KubernetesClient, group: str, kind: str) -> Resource | None:
    """The kind in the first version of its group that serves it; None where none does."""
    try:
        answer = await client.get_path(f"/apis/{group}")
    except Permanent as error:
        if error.code == "kind-not-served":
            return None
        raise
    for version in decode(answer, _Group).versions:
        found = await client.discover(version.group_version, kind)
        if not isinstance(found, NotFound):
            return found
    return None
