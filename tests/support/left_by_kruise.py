"""A cluster as Kruise Rollouts leaves it: workloads in the midst of its releases, with its statuses, and some at rest.

`left_by_kruise.json` was recorded from its own manager (0.6.2, on a sandbox), stopped at the first of two steps:
what it wrote on workloads and Rollouts. Here it is put on workloads of the tests; used where people switch from it.
"""

import json
from pathlib import Path
from typing import Any, Final

from support.guarded import REPLICAS, WITHIN_S, Guarded
from support.kinds import DEPLOYMENT, STATEFUL_SET, Kind
from tidegate_demo.scenario import kubectl

RECORDED: Final[dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_suffix(".json").read_text())
STEPS: Final = [{"replicas": "50%"}, {"replicas": "100%"}]
CANARY: Final = "beside-x7k2p"


async def make(world: Guarded, name: str, kind: Kind = DEPLOYMENT, *, like: str = "", **strategy: Any) -> None:
    """A workload of version 1, whole, and its Rollout with the status that Kruise wrote last."""
    await world.apply(kind.manifest(name, replicas=REPLICAS, tag="v1_ready-0.3"))
    await world.whole(kind, name)
    recorded = RECORDED[f"Rollout/{like or name}"]
    reference = {"apiVersion": kind.resource.api_version, "kind": kind.resource.kind, "name": name}
    await world.apply(
        {
            "apiVersion": "rollouts.kruise.io/v1beta1",
            "kind": "Rollout",
            "metadata": {"name": name, "finalizers": recorded["finalizers"], "annotations": recorded["annotations"]},
            "spec": {"workloadRef": reference, "strategy": {"canary": {"steps": STEPS, **strategy}}},
        }
    )
    status = recorded["status"] | {"observedGeneration": 1}
    await patch(world, f"rollouts.rollouts.kruise.io/{name}", {"status": status}, "--subresource=status")


async def hold(world: Guarded, kind: Kind, name: str) -> None:
    """As Kruise holds it at the first step, version 2 in the template."""
    recorded = RECORDED[f"{kind.resource.kind}/{name}"]
    metadata = {each: recorded[each] for each in ("annotations", "labels")}
    spec = {**recorded["spec"], "template": template("v2")}
    if spec.get("strategy", {}).get("type") == "Recreate":
        spec["strategy"] = {**spec["strategy"], "rollingUpdate": None}
    what = f"{kind.resource.kind.lower()}/{name}"
    await patch(world, what, {"metadata": metadata, "spec": spec})
    if kind is STATEFUL_SET:  # its own controller goes as far as the partition lets it
        await kubectl(world.state, "rollout", "status", what, f"--timeout={WITHIN_S:g}s")


async def put_canary_beside(world: Guarded) -> None:
    """What runs version 2 in its style canary."""
    manifest = DEPLOYMENT.manifest(CANARY, replicas=1, tag="v2_ready-0.3")
    recorded = RECORDED[f"Deployment/{CANARY}"]
    manifest["metadata"] |= {each: recorded[each] for each in ("annotations", "labels", "finalizers")}
    await world.apply(manifest)
    await world.whole(DEPLOYMENT, CANARY)


def template(version: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": f"registry.example/web:{version}_ready-0.3"}]}}


async def patch(world: Guarded, what: str, body: dict[str, Any], *arguments: str) -> None:
    style = "merge" if what.startswith("rollouts.") else "strategic"
    await kubectl(world.state, "patch", what, f"--type={style}", "-p", json.dumps(body), *arguments)
