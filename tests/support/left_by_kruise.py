"""A cluster as Kruise Rollouts leaves it: workloads in the midst of its releases, with its statuses, and some at rest.

Made after what its manager writes (its annotations, its own strategy on a paused Deployment, the canary beside one);
used by the tests of switching from it.
"""

import json
from typing import Any

from support.guarded import REPLICAS, Guarded
from support.kinds import DEPLOYMENT, Kind
from tidegate_demo.scenario import kubectl

STEPS = [{"replicas": "50%"}, {"replicas": "100%"}]
CONTROL = json.dumps({"apiVersion": "rollouts.kruise.io/v1beta1", "kind": "BatchRelease", "controller": True})
STRATEGY = json.dumps(
    {"rollingStyle": "Partition", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}, "partition": "50%"}
)
HELD = {"rollouts.kruise.io/in-progressing": "true", "batchrelease.rollouts.kruise.io/control-info": CONTROL}
AT_REST = {"phase": "Healthy", "message": "workload deployment is completed"}
ROLLING = {"type": "Progressing", "status": "True", "reason": "InRolling", "message": "Rollout is in step(1/2)"}
IN_FLIGHT = {
    "phase": "Progressing",
    "message": "Rollout is in step(1/2), and you need manually confirm to enter the next step",
    "currentStepIndex": 1,
    "currentStepState": "StepPaused",
    "conditions": [
        {"type": "Progressing", "status": "True", "reason": "InRolling", "message": "Rollout is in step(1/2)"}
    ],
}


async def make(world: Guarded, name: str, status: dict[str, Any], kind: Kind = DEPLOYMENT, **strategy: Any) -> None:
    """A workload of version 1, whole, and its Rollout with the status that Kruise wrote last."""
    await world.apply(kind.manifest(name, replicas=REPLICAS, tag="v1_ready-0.3"))
    await world.whole(kind, name)
    reference = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "name": name}
    await world.apply(
        {
            "apiVersion": "rollouts.kruise.io/v1beta1",
            "kind": "Rollout",
            "metadata": {"name": name, "finalizers": ["rollouts.kruise.io/rollout"]},
            "spec": {"workloadRef": reference, "strategy": {"canary": {"steps": STEPS, **strategy}}},
        }
    )
    await patch(world, f"rollouts.rollouts.kruise.io/{name}", {"status": status}, "--subresource=status")
    label = f"rollouts.kruise.io/workload-type={kind.resource.kind.lower()}"
    await kubectl(world.state, "label", kind.resource.qualified_plural, name, label)


async def hold_deployment(world: Guarded, name: str) -> None:
    """Partition style, version 2 in the template: paused, under `Recreate`, its own controller set aside."""
    annotations = {**HELD, "rollouts.kruise.io/deployment-strategy": STRATEGY}
    spec = {"paused": True, "strategy": {"type": "Recreate", "rollingUpdate": None}, "template": template("v2")}
    await patch(world, f"deployment/{name}", {"metadata": {"annotations": annotations}, "spec": spec})


async def hold_stateful_set(world: Guarded, name: str) -> None:
    """Its partition says how far; half of its pods are new."""
    spec = {"updateStrategy": {"rollingUpdate": {"partition": REPLICAS // 2}}, "template": template("v2")}
    await patch(world, f"statefulset/{name}", {"metadata": {"annotations": HELD}, "spec": spec})


async def hold_with_a_canary(world: Guarded, name: str) -> None:
    """Canary style: the Deployment is paused, a second one runs version 2."""
    spec = {"paused": True, "template": template("v2")}
    await patch(world, f"deployment/{name}", {"metadata": {"annotations": HELD}, "spec": spec})
    beside = DEPLOYMENT.manifest(f"{name}-x7k2p", replicas=1, tag="v2_ready-0.3")
    beside["metadata"] |= {
        "labels": {"rollouts.kruise.io/canary-deployment": name},
        "annotations": {"batchrelease.rollouts.kruise.io/control-info": CONTROL},
        "finalizers": ["finalizer.rollouts.kruise.io/batch-release"],
    }
    await world.apply(beside)
    await world.whole(DEPLOYMENT, f"{name}-x7k2p")


def template(version: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": f"registry.example/web:{version}_ready-0.3"}]}}


async def patch(world: Guarded, what: str, body: dict[str, Any], *arguments: str) -> None:
    style = "merge" if what.startswith("rollouts.") else "strategic"
    await kubectl(world.state, "patch", what, f"--type={style}", "-p", json.dumps(body), *arguments)
