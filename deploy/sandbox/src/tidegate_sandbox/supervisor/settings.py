"""What the outside tells the supervisor: one JSON file, written by `sandbox.up`, read once at start."""

from pathlib import Path

import msgspec

from tidegate_sandbox.toolchain.builder import Toolchain

# Groups of parts -> the recipes of the toolchain that they need.
GROUPS = {
    "kubernetes": {"etcd", "kubernetes"},
    "nats": {"nats-server"},
    "prometheus": {"prometheus"},
    "proxy": {"contour"},
    "podlet": set[str](),
    "kruise": {"kruise"},
    "resource-metrics": set[str](),
    "traefik": {"traefik"},
    "mesh": {"istio", "istiod"},
}
# What a sandbox has only when it is asked for.
OPTIONAL_GROUPS = {"kruise", "resource-metrics", "traefik", "mesh"}
# Groups that are nothing without another one; who needs one that needs one comes later.
GROUP_NEEDS = {
    "proxy": "kubernetes",
    "podlet": "kubernetes",
    "kruise": "kubernetes",
    "traefik": "kubernetes",
    "mesh": "kubernetes",
    "resource-metrics": "podlet",
}
NODES = 3
# Kubernetes' own default: silent for this long, a node counts as lost.
NODE_GRACE_S = 50


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Args:
    directory: the sandbox's own directory; everything that a part writes goes below.
    deploy_directory: the repository's `deploy/`.
    toolchain: the programs.
    groups: which groups of parts shall run.
    nodes: how many nodes the podlet simulates.
    node_grace_s: how long a node may be silent until it counts as lost.
    door_descriptors: name of a forwarded port -> inherited listening socket.
    door_addresses: the same names -> `host:port` on the outside.
    report_descriptor: pipe to the process that waits for the sandbox to be up.
    owner_descriptor: pidfd of a process with which the sandbox shall end, or None.
    """

    directory: Path
    deploy_directory: Path
    toolchain: Toolchain
    groups: frozenset[str]
    nodes: int
    node_grace_s: int
    door_descriptors: dict[str, int]
    door_addresses: dict[str, str]
    report_descriptor: int
    owner_descriptor: int | None
    nats_passwords: dict[str, str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One line on the report pipe: a step that is ready, the whole sandbox, or why it failed."""

    step: str = ""
    elapsed_s: float
    up: bool = False
    failure: str = ""
