"""Which workload a message is about: the aggregate whose history all decisions stand in.

The cluster and the namespace always come from the subject, on which the server checks permissions, never from
a body. `kind` and `group` together name a resource, since OpenKruise has a StatefulSet too.
"""

from typing import NamedTuple

import msgspec

from tidegate_contracts.names import from_token, to_token


class WorkloadReference(msgspec.Struct, frozen=True, kw_only=True):
    """A workload as a requester names it; the namespace may be left out, the subject says it."""

    name: str
    kind: str = "Deployment"
    api_version: str = "apps/v1"
    namespace: str | None = None

    @property
    def group(self) -> str:
        return self.api_version.partition("/")[0] if "/" in self.api_version else ""


class WorkloadKey(NamedTuple):
    """Cluster, namespace, kind and name: what a history, an order and a lock are kept by."""

    cluster: str
    namespace: str
    kind: str
    """Lower-case kind and group, as in `deployment.apps`."""
    name: str

    @classmethod
    def of(cls, cluster: str, namespace: str, reference: WorkloadReference) -> "WorkloadKey":
        kind = reference.kind.lower()
        return cls(cluster, namespace, f"{kind}.{reference.group}" if reference.group else kind, reference.name)

    @property
    def tokens(self) -> str:
        """The four subject tokens, joined."""
        return ".".join(to_token(part) for part in self)

    @classmethod
    def from_tokens(cls, tokens: list[str]) -> "WorkloadKey":
        cluster, namespace, kind, name = (from_token(token) for token in tokens)
        return cls(cluster, namespace, kind, name)

    def __str__(self) -> str:
        return "/".join(self)
