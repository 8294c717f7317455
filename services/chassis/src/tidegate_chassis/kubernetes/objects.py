"""The few fields of Kubernetes objects that everyone needs, and the answers the client gives.

Objects stay plain JSON; each service declares small Structs with the fields it uses (`class Pod(KubernetesObject)`)
and msgspec skips the rest. Unknown fields are ignored, absent ones take the default, so an older or newer API server
changes nothing here.
"""

from typing import TypeVar

import msgspec
from msgspec.structs import replace

from tidegate_chassis.errors import Permanent

__all__ = [
    "KubernetesObject",
    "ListPage",
    "NotFound",
    "ObjectMeta",
    "OwnerReference",
    "WatchEvent",
    "decode",
    "says_the_same",
]

T = TypeVar("T")


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
    """Metadata as far as we read it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: tuple[OwnerReference, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name: how the store and the work queue know the object."""
        return (self.namespace, self.name)

    @property
    def controller_uid(self) -> str | None:
        """The uid of the controller that owns the object, None for one that nobody controls."""
        return next((owner.uid for owner in self.owner_references if owner.controller), None)


class KubernetesObject(msgspec.Struct, frozen=True, rename="camel"):
    """The base of every object a service decodes: `class Deployment(KubernetesObject): spec: ...`."""

    metadata: ObjectMeta = ObjectMeta()


class NotFound(msgspec.Struct, frozen=True):
    """The object is not there: an answer, not an error."""

    resource: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.resource} {self.name}{where} does not exist"


class ListPage(msgspec.Struct, frozen=True):
    """One page of a list; `continue_token` is empty on the last one."""

    items: list[msgspec.Raw]
    resource_version: str
    continue_token: str


class WatchEvent(msgspec.Struct, frozen=True):
    """One frame of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, and the object as it came."""

    type: str
    object: msgspec.Raw


def decode(raw: bytes | msgspec.Raw, as_type: type[T]) -> T:
    """Decode the fields a Struct asks for; an object of another shape is a Permanent error."""
    try:
        return msgspec.json.decode(raw, type=as_type)
    except msgspec.MsgspecError as error:
        raise Permanent(
            f"the API server's object is not a readable {as_type.__name__}: {error}",
            code="unreadable-object",
            rule="the object has the shape of its kind",
        ) from error


def says_the_same(old: KubernetesObject | None, new: KubernetesObject | None) -> bool:
    """Whether a change left all that we read of an object as it was: only its version is another."""
    if old is None or new is None:
        return False
    version = new.metadata.resource_version
    return replace(old, metadata=replace(old.metadata, resource_version=version)) == new
