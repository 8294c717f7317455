"""What a BatchRelease tells of every history, and that both of its versions say the same."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support import histories
from support.definitions import complaints, schema
from support.kruise_rollouts import folded, rollout
from support.saga import Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, JumpToStep
from tidegate_contracts.facts import BatchDegraded, BatchStalled, PodCounts
from tidegate_contracts.rollout import Bake, CanaryMetadata, Pause
from tidegate_rollout_operator.batch_release import Versions, manifest, spec_of, status_of
from tidegate_rollout_operator.conversion import FORMER, STORED, STYLE, converted
from tidegate_rollout_operator.traffic_routing import holds
from tidegate_rollout_operator.view import View

VERSIONS = Versions(release="g-1", stable="v1", updated="v2")
HISTORIES = sorted((Path(__file__).parents[2] / "contract" / "histories").glob("*.jsonl"))


def waiting_saga(**fields: Any) -> Saga:
    saga = Saga()
    saga.ask(request(step("20%", pause=Pause()), step(6, pause=Pause()), step("100%"), rollout="g-1", **fields))
    return saga


def standing(saga: Saga) -> Saga:
    while saga.is_asked:
        saga.answer()
    return saga


def plan(saga: Saga) -> dict[str, Any]:
    spec = spec_of(folded(saga.history), VERSIONS)
    assert spec is not None
    found: dict[str, Any] = spec["releasePlan"]
    return found


def status(saga: Saga) -> dict[str, Any]:
    view = folded(saga.history)
    return status_of(view, VERSIONS, spec_of(view, VERSIONS) or {}, 3)


def batch(saga: Saga) -> tuple[str, int, str]:
    found = status(saga)
    return found["phase"], found["canaryStatus"]["currentBatch"], found["canaryStatus"]["batchState"]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_every_release_under_way_is_mirrored_as_its_definition_has_it(path: Path) -> None:
    *_, (_, _, saga) = histories.replayed(histories.read(path))
    for number in range(1, len(saga.history) + 1):
        view = folded(saga.history[:number])
        spec = spec_of(view, VERSIONS)
        assert (spec is not None) is view.active
        if spec is not None:
            assert complaints(spec, schema("batchreleases", "spec")) == []
            assert complaints(status_of(view, VERSIONS, spec, 1), schema("batchreleases", "status")) == []
            assert (
                0
                <= status_of(view, VERSIONS, spec, 1)["canaryStatus"]["currentBatch"]
                < len(spec["releasePlan"]["batches"])
            )
    assert spec_of(folded(saga.history), VERSIONS) is None


def test_no_release_has_none() -> None:
    assert spec_of(View(), VERSIONS) is None


def test_the_plan_is_that_of_the_steps() -> None:
    saga = waiting_saga(failure_threshold="10%")
    assert plan(saga) == {
        "batches": [{"canaryReplicas": "20%"}, {"canaryReplicas": 6}, {"canaryReplicas": "100%"}],
        "batchPartition": 0,
        "rolloutID": "g-1",
        "failureThreshold": "10%",
        "rollingStyle": "Partition",
        "enableExtraWorkloadForCanary": False,
    }
    metadata = CanaryMetadata(labels={"track": "canary"})
    beside = plan(waiting_saga(strategy="canary", canary_metadata=metadata))
    assert (beside["rollingStyle"], beside["enableExtraWorkloadForCanary"]) == ("Canary", True)
    assert beside["patchPodTemplateMetadata"] == {"annotations": {}, "labels": {"track": "canary"}}
    assert plan(waiting_saga(strategy="blue_green"))["rollingStyle"] == "BlueGreen"


def test_batches_are_counted_from_nothing_and_ready_until_the_next() -> None:
    saga = waiting_saga()
    assert batch(saga) == ("Preparing", 0, "Upgrading")
    assert status(saga)["observedWorkloadReplicas"] == -1
    saga.to_step(1)
    assert batch(saga) == ("Progressing", 0, "Upgrading")
    saga.ready()
    assert batch(saga) == ("Progressing", 0, "Ready")
    ready_at = status(standing(saga))["canaryStatus"]["batchReadyTime"]
    saga.now_s += 60
    saga.tell(Approve(step=1))
    assert batch(saga) == ("Progressing", 1, "Upgrading")
    assert "batchReadyTime" not in status(saga)["canaryStatus"]
    standing(saga)
    found = status(saga)
    assert (found["phase"], found["stableRevision"], found["updateRevision"]) == ("Progressing", "v1", "v2")
    assert found["canaryStatus"]["batchReadyTime"] > ready_at
    assert (found["canaryStatus"]["updatedReplicas"], found["observedWorkloadReplicas"]) == (6, 10)
    assert plan(saga)["batchPartition"] == 1
    saga.tell(JumpToStep(step=1))
    assert batch(saga)[:2] == ("Progressing", 0)


def test_pods_that_are_there_but_not_ready_are_verified() -> None:
    saga = waiting_saga().to_step(1)
    counts = PodCounts(replicas=10, updated=2, updated_ready=1, stable=8, stable_ready=8)
    saga.report_unseen(BatchStalled(**saga.pod_fields(), step=1, reason="one is not ready", counts=counts))
    assert batch(saga) == ("Progressing", 0, "Verifying")
    saga = standing(waiting_saga())
    saga.report_unseen(BatchDegraded(**saga.pod_fields(), step=1, reason="one fell", counts=counts))
    assert batch(saga) == ("Progressing", 0, "Verifying")


def test_what_is_still_said_of_the_step_before_makes_no_batch_ready() -> None:
    saga = waiting_saga().to_step(1)
    late = saga.ready_fact()
    standing(saga).tell(Approve(step=1))
    saga.report_unseen(late)
    assert batch(saga) == ("Progressing", 1, "Upgrading")


def test_an_end_finalizes_as_kruise_does() -> None:
    saga = waiting_saga().to_step(1)
    saga.tell(Cancel(by="ann", reason="enough"))
    assert (plan(saga)["finalizingPolicy"], "batchPartition" in plan(saga)) == ("Immediate", False)
    assert batch(saga)[0] == "Finalizing"
    saga = waiting_saga()
    for number in (1, 2):
        standing(saga).tell(Approve(step=number))
    while spec_of(folded(saga.history), VERSIONS) is not None:
        last = plan(saga)
        assert batch(saga)[1] == 2
        saga.answer()
    assert (last["finalizingPolicy"], "batchPartition" in last) == ("WaitResume", False)


def test_the_plans_hash_is_kruises() -> None:
    saga = waiting_saga()
    text = (
        '{"batches":[{"canaryReplicas":"20%"},{"canaryReplicas":6},{"canaryReplicas":"100%"}],"batchPartition":0,'
        '"rolloutID":"g-1","rollingStyle":"Partition","enableExtraWorkloadForCanary":false}'
    )
    assert json.loads(text) == plan(saga)
    assert status(saga)["observedReleasePlanHash"] == hashlib.sha256(text.encode()).hexdigest()


def test_it_goes_with_its_rollout() -> None:
    owned = manifest(rollout(), {})["metadata"]
    assert (owned["name"], owned["namespace"]) == ("web", "shop")
    assert [(each["kind"], each["uid"], each["controller"]) for each in owned["ownerReferences"]] == [
        ("Rollout", "u-1", True)
    ]


@pytest.mark.parametrize("style", ["partition", "canary", "blue_green"])
def test_both_versions_say_the_same(style: str) -> None:
    view = folded(standing(waiting_saga(strategy=style)).history)
    spec = spec_of(view, VERSIONS) or {}
    stored = manifest(rollout(), spec) | {"status": status_of(view, VERSIONS, spec, 1)}
    former = converted(stored, FORMER)
    assert complaints(former["spec"], schema("batchreleases", "spec", "v1alpha1")) == []
    assert former["spec"]["targetReference"]["workloadRef"]["name"] == "web"
    assert former["metadata"]["annotations"] == {STYLE: style.replace("_", "")}
    assert converted(former, STORED) == stored


@pytest.mark.parametrize("last", ["50%", "100%"], ids=["a last step that was left out", "all steps"])
def test_a_bake_is_no_end_yet(last: str) -> None:
    saga = Saga()
    saga.ask(request(step("20%"), step(last), bake=Bake(duration_s=600.0), rollout="g-1"))
    saga.to_bake()
    assert batch(saga) == ("Progressing", 1, "Ready")
    assert plan(saga)["batchPartition"] == 1
    assert holds(folded(saga.history)), "its TrafficRouting is let go at the end"
    saga.tell(Approve())
    assert batch(saga) == ("Finalizing", 1, "Ready")
