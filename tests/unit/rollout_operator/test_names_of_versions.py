"""Which version a status is about: revisions, hashes, ids and generations, in the words of each kind."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.kruise_rollouts import AUTHOR, folded, rollout, steps
from support.saga import Saga, request, step

from tidegate_contracts.controls import Cancel, RollBack
from tidegate_rollout_operator.identities import Identity, Workload, identity_of
from tidegate_rollout_operator.naming import names
from tidegate_rollout_operator.plan_hash import plan_hash
from tidegate_rollout_operator.view import View

DUMPS = Path(__file__).parent / "golden" / "template_dumps.json"
KRUISE = "apps.kruise.io"
ROLLOUT_ID = "rollouts.kruise.io/rollout-id"
THERE = Identity(there=True, generation=7, revision="new", stable="old")


def workload(*, status: dict[str, Any], template: Any = None, labels: dict[str, str] | None = None) -> Workload:
    metadata = {"name": "web", "generation": 3, "labels": labels or {}}
    document = {"metadata": metadata, "spec": {"template": template or {}}, "status": status}
    return msgspec.json.decode(msgspec.json.encode(document), type=Workload)


@pytest.mark.parametrize(
    ("kind", "status", "revision", "stable"),
    [
        (f"cloneset.{KRUISE}", {"updateRevision": "my-web-abc", "currentRevision": "my-web-xyz"}, "abc", "xyz"),
        (f"daemonset.{KRUISE}", {"daemonSetHash": "abc"}, "abc", ""),
        ("statefulset.apps", {"updateRevision": "my-web-abc", "currentRevision": "my-web-x"}, "my-web-abc", "my-web-x"),
        (f"statefulset.{KRUISE}", {"updateRevision": "my-web-abc"}, "my-web-abc", "my-web-abc"),
        ("daemonset.apps", {}, "newest", "newest"),
        ("squad.example.com", {"updateRevision": "web-abc"}, "web-abc", "web-abc"),
    ],
)
def test_each_kind_has_its_own_words(kind: str, status: dict[str, Any], revision: str, stable: str) -> None:
    found = identity_of(kind, workload(status=status | {"observedGeneration": 3}), "newest")
    assert (found.there, found.generation, found.revision, found.stable) == (True, 3, revision, stable)
    assert identity_of(kind, workload(status=status | {"observedGeneration": 2}), "newest").revision == ""


def test_a_deployments_revision_is_kruises_hash_of_its_template_at_once() -> None:
    golden = json.loads(DUMPS.read_text())[0]
    found = identity_of("deployment.apps", workload(template=golden["template"], status={}), "54d5b7")
    assert (found.revision, found.stable) == (golden["hash"], "54d5b7")


def test_a_template_that_no_server_holds_has_no_revision() -> None:
    odd = {"metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"}}
    assert identity_of("deployment.apps", workload(template=odd, status={}), "").revision == ""


def test_a_release_has_the_id_of_the_workloads_label_or_its_revision() -> None:
    labelled = identity_of("deployment.apps", workload(status={}, labels={ROLLOUT_ID: "2026-11"}), "")
    found = told(View(), labelled)
    assert found["observedRolloutID"] == "2026-11"
    assert found["canaryRevision"] == labelled.revision
    assert told(View(), replace(labelled, chosen=""))["observedRolloutID"] == labelled.revision


def test_a_workload_that_rests_runs_its_stable_revision() -> None:
    found = told(View(), THERE)
    assert (found["stableRevision"], found["podTemplateHash"], found["canaryRevision"]) == ("old", "old", "new")
    assert found["observedWorkloadGeneration"] == 7


def test_the_new_pods_have_the_hash_that_selects_them_once_there_are_any() -> None:
    saga = rolling()
    found = told(folded(saga.history), THERE)
    assert found["podTemplateHash"] == ""
    saga.ready()
    view = folded(saga.history)
    found = told(view, THERE)
    assert (found["podTemplateHash"], found["stableRevision"]) == (view.canary_revision, view.stable_revision)
    assert found["canaryRevision"] == "new"


def test_what_goes_back_is_called_a_rollback_and_what_is_let_go_is_not() -> None:
    back, let_go = rolling(), rolling()
    back.tell(RollBack(by="ann"))
    let_go.tell(Cancel(by="ann"))
    assert told(folded(back.history), THERE)["observedRolloutID"] == "rollback-new"
    assert told(folded(let_go.history), THERE)["observedRolloutID"] == "new"


def test_a_blue_green_release_has_an_updated_revision() -> None:
    made = rollout(style="blueGreen")
    assert names(made, View(), THERE, edited=False)["updatedRevision"] == "new"


def test_the_plans_hash_is_the_one_that_is_carried_out() -> None:
    first, edited = rollout(), rollout(steps=steps("30%"))
    standing = {"canaryStatus": {"rolloutHash": plan_hash(first)}}
    assert names(first, View(), THERE, edited=False)["rolloutHash"] == plan_hash(first)
    assert names(replace(edited, status=standing), View(), THERE, edited=True)["rolloutHash"] == plan_hash(first)
    assert names(replace(edited, status=standing), View(), THERE, edited=False)["rolloutHash"] == plan_hash(edited)


def told(view: View, workload: Identity) -> dict[str, Any]:
    return names(rollout(), view, workload, edited=False)


def rolling() -> Saga:
    saga = Saga()
    saga.ask(request(step("20%"), step("100%"), rollout="g-1", requested_by=AUTHOR))
    saga.to_step(1)
    return saga
