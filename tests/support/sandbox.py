"""A real sandbox for tests that need a Kubernetes API server, a proxy, NATS and Prometheus at once.

Ask for the fixture `sandbox` (one for the whole test run; `$TIDEGATE_SANDBOX` names a running one to use instead)
and, to keep out of the way of other tests, `namespace`. A test that kills parts asks for `own_sandbox`, one of other
workloads than Deployments for `kruise_sandbox` (`$TIDEGATE_KRUISE_SANDBOX`).
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState
from tidegate_sandbox.toolchain import ensure

POLL_PERIOD_S = 0.05
KUBECTL_TIMEOUT_S = 90
NODE_GRACE_S = 20
"""Short enough to wait for a node's loss, long enough that a busy machine isn't one."""

SHARED_NODES = 6
SPARE_NODES = 3
"""Nodes beyond those that all share: for whoever loses one. Their taint keeps everybody else away."""

SPARE_TAINT = "tidegate.dev/spare"
KRUISE_SANDBOX = "TIDEGATE_KRUISE_SANDBOX"


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxState]:
    """One sandbox that all tests share; they must not kill its parts."""
    if name := os.environ.get("TIDEGATE_SANDBOX"):
        yield sandboxes.load(name)
    else:
        yield from up_for_a_while()


@pytest.fixture(scope="session")
def kruise_sandbox() -> Iterator[SandboxState]:
    """One for all tests of workload kinds: OpenKruise's manager, resource metrics, six nodes that are soon lost, and
    spare ones.
    """
    if name := os.environ.get(KRUISE_SANDBOX):
        states = iter([sandboxes.load(name)])
    else:
        states = up_for_a_while(
            including=("kruise", "resource-metrics"),
            without=("proxy", "prometheus", "nats"),
            nodes=SHARED_NODES + SPARE_NODES,
            node_grace_s=NODE_GRACE_S,
        )
    for state in states:
        for node in spare_nodes(state):
            kubectl(state, "taint", "node", node, f"{SPARE_TAINT}={node}:NoSchedule", "--overwrite")
        yield state


@pytest.fixture(scope="module")
def own_sandbox() -> Iterator[SandboxState]:
    """A sandbox for one module of tests, which may kill its parts."""
    yield from up_for_a_while()


@pytest.fixture(scope="module")
def own_bare_sandbox() -> Iterator[SandboxState]:
    """The same without traffic and metrics, which is up in half the time."""
    yield from up_for_a_while(without=("proxy", "prometheus"))


@pytest.fixture
def spare_sandbox() -> Iterator[SandboxState]:
    """A sandbox for one test, which leaves the bus and the cluster as nobody else could use them."""
    yield from up_for_a_while()


@pytest.fixture(scope="session")
def kinds_sandbox(kruise_sandbox: SandboxState) -> SandboxState:
    """The same, for tests of the workload-controller."""
    return kruise_sandbox


@pytest.fixture
def kinds_namespace(kinds_sandbox: SandboxState) -> Iterator[str]:
    """A namespace for one test, in the sandbox with every kind."""
    name = sandboxes.unique_name("test")
    kubectl(kinds_sandbox, "create", "namespace", name)
    yield name
    kubectl(kinds_sandbox, "delete", "namespace", name, "--wait=false")


@pytest.fixture
def namespace(sandbox: SandboxState) -> Iterator[str]:
    """A Kubernetes namespace for one test."""
    name = sandboxes.unique_name("test")
    kubectl(sandbox, "create", "namespace", name)
    yield name
    kubectl(sandbox, "delete", "namespace", name, "--wait=false")


def outlives_the_run() -> bool:
    """Whether the sandbox with every kind is somebody's own, who wants it back as it was."""
    return KRUISE_SANDBOX in os.environ


def spare_nodes(sandbox: SandboxState) -> list[str]:
    names = kubectl(sandbox, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()
    return [name for name in names if int(name.removeprefix("node-")) > SHARED_NODES]


def kubectl(sandbox: SandboxState, *arguments: str, manifest: str = "", user: str = "admin") -> str:
    """What kubectl prints; a failure shows its error output."""
    kubeconfig = sandbox.kubeconfig_directory / f"{user}.yaml"
    done = subprocess.run(
        [ensure(only=set()).kubectl, "--kubeconfig", kubeconfig, *arguments],
        input=manifest,
        capture_output=True,
        text=True,
        check=False,
        timeout=KUBECTL_TIMEOUT_S,
    )
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def until_true(condition: Callable[[], object], *, within_s: float = 10.0, what: str = "the condition") -> None:
    """Like `support.until.until`, for tests without an event loop."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true within {within_s} s"
        time.sleep(POLL_PERIOD_S)


def up_for_a_while(**options: Any) -> Iterator[SandboxState]:
    name = sandboxes.unique_name("test")
    try:
        yield sandboxes.up(name, owner_pid=os.getpid(), **options)
    finally:
        sandboxes.down(name)
