"""A GitOps tool that applies its manifest again and again during a rollout: neither fought, nor able to break it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from support.kinds import CLONE_SET, DEPLOYMENT, STATEFUL_SET, Kind
from support.sandbox import kubectl
from support.scenarios import V1, V2, V3
from support.until import until
from support.witness import own_spec
from support.workloads import Rig, image, observed, rig

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.facts import WorkloadChanged
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.marks import FIELD_MANAGER

pytestmark = pytest.mark.sandbox

KINDS = pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET, CLONE_SET], ids=lambda kind: kind.label)
REPLICAS = 5


class Tool:
    """A GitOps tool: it knows a manifest, and applies it."""

    def __init__(self, sandbox: SandboxState, made: Rig, client: KubernetesClient, *, with_replicas: bool) -> None:
        self._sandbox = sandbox
        self._made = made
        self._client = client
        self._with_replicas = with_replicas

    async def apply(self, tag: str) -> None:
        """Server-side, and not forced."""
        made = self._made
        await self._client.apply(made.kind.resource, made.namespace, made.name, self._manifest(tag))

    async def force(self, tag: str) -> None:
        """The same, forced, as such tools do where a custom resource's lists have one owner as a whole."""
        await self._kubectl(tag, "--server-side", "--force-conflicts")

    async def apply_by_client(self, tag: str) -> None:
        """As `kubectl apply` does by itself: it keeps what it wrote last on the object, and writes what differs."""
        await self._kubectl(tag)

    async def _kubectl(self, tag: str, *how: str) -> None:
        arguments = ("-n", self._made.namespace, "apply", "--field-manager=gitops", *how, "-f-")
        manifest = msgspec.json.encode(self._manifest(tag)).decode()
        await asyncio.to_thread(kubectl, self._sandbox, *arguments, manifest=manifest)

    def _manifest(self, tag: str) -> dict[str, Any]:
        made = self._made
        manifest = made.kind.manifest(made.name, replicas=REPLICAS, tag=tag)
        if not self._with_replicas:
            del manifest["spec"]["replicas"]
        return manifest


@asynccontextmanager
async def tool(sandbox: SandboxState, made: Rig, *, with_replicas: bool) -> AsyncIterator[Tool]:
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="gitops") as client:
        yield Tool(sandbox, made, client, with_replicas=with_replicas)


async def begun(made: Rig, apply: Callable[[str], Awaitable[None]], *, with_replicas: bool) -> dict[str, Any]:
    """The tool makes the workload, and a new version is prepared; answers with the workload's own spec."""
    await apply(V1)
    if not with_replicas:
        await made.scale(REPLICAS)
    await made.until_whole()
    own = await own_spec(made)
    await made.prepare(image(V2))
    return own


def owners(found: dict[str, Any], field: str) -> set[str]:
    """Who owns a field of the spec, as the API server has it."""
    entries = found["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries if f"f:{field}" in entry["fieldsV1"].get("f:spec", {})}


@KINDS
@pytest.mark.parametrize("with_replicas", [True, False], ids=["with-replicas", "without-replicas"])
async def test_its_new_manifest_changes_nothing_and_its_old_one_is_refused(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, with_replicas: bool
) -> None:
    async with (
        rig(kinds_sandbox, kinds_namespace, kind=kind) as made,
        tool(kinds_sandbox, made, with_replicas=with_replicas) as gitops,
    ):
        own = await begun(made, gitops.apply, with_replicas=with_replicas)
        async with observed(made) as seen:
            ready = await made.apply(1, "40%", within_s=20.0)
            with pytest.raises(Conflict):
                await gitops.apply(V1)  # the image is ours now, and an apply that doesn't force is told so
            for _ in range(3):
                await (gitops.force(V2) if kind is CLONE_SET else gitops.apply(V2))
            await made.apply(2, "60%", within_s=20.0)
            assert seen.most(ready.canary_revision) == 3
            strategy = "strategy" if kind is DEPLOYMENT else "updateStrategy"
            assert FIELD_MANAGER in owners(await made.raw(), strategy)
            assert not made.facts(WorkloadChanged)
            await made.apply(3, "100%", within_s=20.0)
            await made.release("promote", within_s=20.0)
        assert await own_spec(made) == own
        found = await made.raw()
        assert FIELD_MANAGER not in {entry["manager"] for entry in found["metadata"]["managedFields"]}
        await gitops.apply(V3)  # nothing is in the way of the next change


@KINDS
@pytest.mark.parametrize("with_replicas", [True, False], ids=["with-replicas", "without-replicas"])
async def test_its_new_manifest_that_is_applied_by_the_client_changes_nothing(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind, with_replicas: bool
) -> None:
    async with (
        rig(kinds_sandbox, kinds_namespace, kind=kind) as made,
        tool(kinds_sandbox, made, with_replicas=with_replicas) as gitops,
    ):
        own = await begun(made, gitops.apply_by_client, with_replicas=with_replicas)
        async with observed(made) as seen:
            ready = await made.apply(1, "40%", within_s=20.0)
            for _ in range(3):
                await gitops.apply_by_client(V2)
            await made.apply(2, "60%", within_s=20.0)
            assert seen.most(ready.canary_revision) == 3
            assert not made.facts(WorkloadChanged)
            await made.apply(3, "100%", within_s=20.0)
            await made.release("promote", within_s=20.0)
        assert await own_spec(made) == own
        assert await made.images() == {f"registry.example/web:{V2}"}


@KINDS
async def test_an_old_manifest_that_is_forced_is_reported_and_not_fought(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind
) -> None:
    """As `kubectl apply` does on the client's side: the old image is simply written over the new one."""
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=REPLICAS, tag=V1)
        await made.prepare(image(V2))
        async with observed(made) as seen:
            ready = await made.apply(1, "40%", within_s=20.0)
            await made.update(V1)
            changed = await made.fact(WorkloadChanged, within_s=10.0)
            assert changed.what == "the pod template"
            written = (await made.raw())["metadata"]["managedFields"]
            await made.update(V2)  # and its tool, corrected, goes on with ours
            new = ready.canary_revision
            whole = lambda: len([pod for pod in seen.pods(new) if pod.ready_since_s is not None]) == 2  # noqa: E731
            await until(whole, within_s=20.0, what="the batch, whole again")
            assert seen.most(new) == 2
            ours = [entry["time"] for entry in written if entry["manager"] == FIELD_MANAGER]
            assert max(ours) <= max(entry["time"] for entry in written if entry["manager"] == "a-user")
            await made.release("restore", within_s=20.0)
        assert await made.images() == {f"registry.example/web:{V1}"}
