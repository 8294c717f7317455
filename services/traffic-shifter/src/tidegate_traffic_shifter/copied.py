"""Which labels and annotations of the user's object an object of ours beside it has, too. Pure.

Used by `pins` for the canary Service and by `canary_ingress`. How a proxy speaks to the pods is said there, so that the
new version needs the same; what tells a tool that an object is its own would have it take ours for one that nobody
wrote down, and prune it.
"""

from collections.abc import Mapping
from typing import Final

from tidegate_traffic_shifter import marks

TOOLS: Final = ("kubectl.kubernetes.io/last-applied-configuration", "argocd.argoproj.io/")
"""Annotations by which tools know their own objects, by how their names begin."""
OWNERS: Final = (
    *TOOLS,
    marks.PREFIX,
    marks.MANAGED_BY,
    "app.kubernetes.io/instance",  # the label that Argo CD knows its objects by, unless it is told another one
    "applyset.kubernetes.io/",
    "config.k8s.io/owning-inventory",
    "configmanagement.gke.io/",
    "configsync.gke.io/",
    "helm.toolkit.fluxcd.io/",
    "kapp.k14s.io/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "objectset.rio.cattle.io/",
)
"""Labels and annotations that say who manages or tracks the object, by how their names begin; ours among them."""


def copied(own: Mapping[str, str]) -> dict[str, str]:
    """The user's labels or annotations without those of `OWNERS`."""
    return {name: value for name, value in own.items() if not name.startswith(OWNERS)}
