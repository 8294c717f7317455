"""Which resource serves a kind: reads the API server's own list; pure.

The client asks for the list and remembers what this module finds in it. A request names a workload by `apiVersion` and
`kind`, and only the server knows the word for its path.
"""

from urllib.parse import quote

import msgspec

from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import Resource

__all__ = ["group_version_path", "served_kinds"]


class _ServedResource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(msgspec.Struct):
    resources: list[_ServedResource] = []


def group_version_path(api_version: str) -> str:
    """The root below which a group and version is served: `apps/v1` -> `/apis/apps/v1`."""
    prefix = "/apis/" if "/" in api_version else "/api/"
    return prefix + quote(api_version)


def served_kinds(api_version: str, answer: bytes) -> dict[tuple[str, str], Resource]:
    """Read an APIResourceList into resources by api version and kind."""
    group, _, version = api_version.rpartition("/")
    return {
        (api_version, entry.kind): Resource(group, version, entry.name, entry.kind, entry.namespaced)
        for entry in decode(answer, _ResourceList).resources
        if "/" not in entry.name  # subresources are listed as deployments/scale
    }
