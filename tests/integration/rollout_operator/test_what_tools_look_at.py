"""The objects beside a Rollout that tell of a release: a BatchRelease while it lasts, a RolloutHistory after it."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.kruise_rollouts import steps
from support.nats import REPOSITORY
from support.rollout_service import Shop, Status, shop
from support.sandbox import kubectl

from tidegate_contracts.guards import GuardSet
from tidegate_rollout_operator.batch_release import BATCH_RELEASES
from tidegate_rollout_operator.rollout_history import RELEASE, ROLLOUT_HISTORIES
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(180)]

RIGHTS = REPOSITORY / "deploy" / "kubernetes" / "histories"
TAGS = {release: f"registry.example/web:v{release}_ready-0.1" for release in (2, 3)}


def waiting(step: int) -> Any:
    def there(status: Status) -> bool:
        return (status.get("currentStepIndex"), status.get("currentStepState")) == (step, "StepPaused")

    return there


def batch(found: list[dict[str, Any]]) -> tuple[Any, ...]:
    """The phase, the batch, its state and the pods of the one that there is."""
    told = [each.get("status", {}) for each in found]
    steps_told = [each.get("canaryStatus", {}) for each in told]
    return tuple(
        (each.get("phase"), batch.get("currentBatch"), batch.get("batchState"), batch.get("updatedReadyReplicas"))
        for each, batch in zip(told, steps_told, strict=True)
    )


async def release(made: Shop, number: int, **block: Any) -> None:
    """One that waits at its first step."""
    await made.edit({"strategy": {"canary": None, "blueGreen": None, **block}})
    wanted = "blue_green" if "blueGreen" in block else "partition"
    await made.until_guarded(
        lambda guard: isinstance(guard, GuardSet) and guard.request.strategy == wanted, f"guarded as {wanted}"
    )
    await made.ask(f"g-{number}", TAGS[number].partition(":")[2])
    await made.until(lambda status: status.get("currentStepState") == "StepPaused", "paused")


async def approve(made: Shop, block: str = "canaryStatus") -> None:
    """The step that waits, whichever style it has."""
    kubectl(
        made.sandbox,
        *("patch", "rollouts.rollouts.kruise.io", "web", "-n", made.namespace, "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": {block: {"currentStepState": "StepReady"}}})),
    )


async def test_a_release_is_mirrored_while_it_lasts_and_kept_after(
    sandbox: SandboxState, namespace: str, tmp_path: Path
) -> None:
    kubectl(sandbox, "apply", "-f", str(RIGHTS))
    async with shop(sandbox, namespace, tmp_path) as (made, processes):
        await processes.start("orchestrator", "workload-controller")
        await processes.start("rollout-operator", "rollout-operator", TIDEGATE_ROLLOUT_HISTORIES_MAX="1")
        await made.create_workload()
        await made.create(steps=steps("25%", "100%", pause={}))
        await made.until(lambda status: status.get("phase") == "Healthy", "healthy")
        await release(made, 2, canary={"steps": steps("25%", "100%", pause={})})
        await mirrored(made)
        await approve(made)
        await made.until(lambda status: status.get("phase") == "Healthy", "ended")
        assert await made.until_found(BATCH_RELEASES, lambda found: not found, "the mirror is gone") == []
        await kept(made, 2, {1: 1, 2: 3})
        await release(made, 3, blueGreen={"steps": steps("50%", "100%", pause={})})
        await approve(made, "blueGreenStatus")
        await made.until(waiting(2), "paused at 2")
        await approve(made, "blueGreenStatus")
        await made.until(lambda status: status.get("phase") == "Healthy", "ended")
        await kept(made, 3, {1: 2, 2: 2})


async def mirrored(made: Shop) -> None:
    """As long as the release waits, whatever somebody writes into it."""
    ready = (("Progressing", 0, "Ready", 1),)
    (found,) = await made.until_found(BATCH_RELEASES, lambda found: batch(found) == ready, "batch 0 is ready")
    assert [owner["kind"] for owner in found["metadata"]["ownerReferences"]] == ["Rollout"]
    assert found["spec"]["releasePlan"]["batches"] == [{"canaryReplicas": "25%"}, {"canaryReplicas": "100%"}]
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    table = kubectl(made.sandbox, "get", "batchreleases.rollouts.kruise.io", "-n", made.namespace).splitlines()
    assert table[1].split()[:5] == ["web", "Deployment", "Progressing", "0", "Ready"]
    name = ("batchreleases.rollouts.kruise.io", "web", "-n", made.namespace, "--type=merge")
    kubectl(made.sandbox, "patch", *name, "-p", '{"spec": {"releasePlan": {"batchPartition": null}}}')
    kubectl(made.sandbox, "patch", *name, "--subresource=status", "-p", '{"status": {"phase": "Completed"}}')

    def restored(standing: list[dict[str, Any]]) -> bool:
        status = standing[0]["status"]
        same = standing[0]["spec"] == found["spec"] and batch(standing) == ready
        return same and status["observedGeneration"] == standing[0]["metadata"]["generation"]

    await made.until_found(BATCH_RELEASES, restored, "the mirror is as it was")
    assert waiting(1)(((await made.read()) or {})["status"])


async def kept(made: Shop, number: int, pods: dict[int, int]) -> None:
    """The one history that there is: of this release, with so many pods of each step."""

    def of_it(found: list[dict[str, Any]]) -> bool:
        told = [(each["metadata"]["annotations"][RELEASE], each.get("status", {}).get("phase")) for each in found]
        return told == [(f"g-{number}", "completed")]

    (found,) = await made.until_found(ROLLOUT_HISTORIES, of_it, f"release {number} is kept")
    spec, status = found["spec"], ((await made.read()) or {})["status"]
    shown = (status.get("canaryStatus") or status["blueGreenStatus"])["observedRolloutID"]
    labels = {"rollouts.kruise.io/rollout-name": "web", "rollouts.kruise.io/rollout-id": shown}
    assert (found["metadata"]["labels"], spec["rollout"]["rolloutID"]) == (labels, shown)
    assert spec["rollout"]["data"]["workloadRef"]["name"] == "web"
    images = [each["image"] for each in spec["workload"]["data"]["template"]["spec"]["containers"]]
    assert (images, "service" in spec) == ([TAGS[number]], False)
    steps_told = {each["canaryStepIndex"]: each["pods"] for each in found["status"]["canarySteps"]}
    assert {step: len(told) for step, told in steps_told.items()} == pods
    assert all(pod["nodeName"] and pod["ip"] for told in steps_told.values() for pod in told)
