"""A GitOps tool that applies its manifest again and again during a rollout: neither fought, nor able to break it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from support.kinds import CLONE_SET, DEPLOYMENT, STATEFUL_SET, Kind
from support.scenarios import V1, V2, V3
from support.witness import own_spec
from support.workloads import Rig, image, observed, rig

from tidegate_chassis.errors import Conflict
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_contracts.facts import BatchReady, WorkloadChanged
from tidegate_sandbox.state import SandboxState
from tidegate_workload_controller.marks import FIELD_MANAGER

pytestmark = pytest.mark.sandbox

KINDS = pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET, CLONE_SET], ids=lambda kind: kind.label)
REPLICAS = 5


class Tool:
    """A GitOps tool: it knows a manifest, and applies it."""

    def __init__(self, made: Rig, client: KubernetesClient, *, with_replicas: bool) -> None:
        self._made = made
        self._client = client
        self._with_replicas = with_replicas

    async def apply(self, tag: str) -> None:
        made = self._made
        manifest = made.kind.manifest(made.name, replicas=REPLICAS, tag=tag)
        if not self._with_replicas:
            del manifest["spec"]["replicas"]
        await self._client.apply(made.kind.resource, made.namespace, made.name, manifest)


@asynccontextmanager
async def tool(sandbox: SandboxState, made: Rig, *, with_replicas: bool) -> AsyncIterator[Tool]:
    kubeconfig = str(sandbox.kubeconfig_directory / "admin.yaml")
    async with await KubernetesClient.connect(kubeconfig, field_manager="gitops") as client:
        yield Tool(made, client, with_replicas=with_replicas)


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
        await gitops.apply(V1)
        if not with_replicas:
            await made.scale(REPLICAS)
        await made.until_whole()
        own = await own_spec(made)
        await made.prepare(image(V2))
        async with observed(made) as seen:
            ready = await made.apply(1, "40%", within_s=20.0)
            with pytest.raises(Conflict):
                await gitops.apply(V1)  # the image is ours now, and an apply that doesn't force is told so
            for _ in range(3):
                await gitops.apply(V2)
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
async def test_an_old_manifest_that_is_forced_is_reported_and_not_fought(
    kinds_sandbox: SandboxState, kinds_namespace: str, kind: Kind
) -> None:
    """As `kubectl apply` does on the client's side: the old image is simply written over the new one."""
    async with rig(kinds_sandbox, kinds_namespace, kind=kind) as made:
        await made.create(replicas=REPLICAS, tag=V1)
        await made.prepare(image(V2))
        await made.apply(1, "40%", within_s=20.0)
        await made.update(V1)
        changed = await made.fact(WorkloadChanged, within_s=10.0)
        assert changed.what == "the pod template"
        written = (await made.raw())["spec"]["template"]
        await made.update(V2)
        await made.fact(BatchReady, lambda each: each.at_s > changed.at_s, within_s=20.0)
        assert (await made.raw())["spec"]["template"] != written
        await made.release("restore", within_s=20.0)
        assert await made.images() == {f"registry.example/web:{V1}"}
