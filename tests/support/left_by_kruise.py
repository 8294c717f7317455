"""A cluster as Kruise Rollouts leaves it: workloads in the midst of its releases, with its statuses, and some at rest.

`left_by_kruise.json` was recorded from its own manager (0.6.2, on a sandbox), stopped at the first of two steps:
what it wrote on workloads and Rollouts, and of those with traffic on Services and routes. Here it is put on workloads
of the tests; used where people switch from it.
"""

import json
from pathlib import Path
from typing import Any, Final

from support.guarded import REPLICAS, WITHIN_S, Guarded
from support.kinds import DEPLOYMENT, STATEFUL_SET, Kind
from tidegate_demo.scenario import kubectl

RECORDED: Final[dict[str, dict[str, Any]]] = json.loads(Path(__file__).with_suffix(".json").read_text())
STEPS: Final = [{"replicas": "50%"}, {"replicas": "100%"}]
CANARIES: Final = {"beside": "beside-x7k2p", "gated": "gated-d7blt"}
"""What runs version 2 in its style canary, by whom it stands beside."""
HASH: Final = "pod-template-hash"
ROUTES: Final = ("Service", "Ingress", "HTTPRoute")
API_VERSIONS: Final = {
    "Service": "v1",
    "Ingress": "networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
}
SHARED: Final = [{"replicas": "50%", "traffic": "20%"}, {"replicas": "100%"}]


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


async def put_canary(world: Guarded, canary: str) -> None:
    made = DEPLOYMENT.manifest(canary, replicas=1, tag="v2_ready-0.3")
    recorded = RECORDED[f"Deployment/{canary}"]
    made["metadata"] |= {each: recorded[each] for each in ("annotations", "labels", "finalizers")}
    await world.apply(made)
    await world.whole(DEPLOYMENT, canary)


async def route(world: Guarded, name: str) -> None:
    """Its Services and its route, as Kruise had them at the first step: 20 % of the requests to version 2."""
    found = json.loads(await kubectl(world.state, "get", f"rollouts.rollouts.kruise.io/{name}", "-o", "json"))
    told = RECORDED[f"Rollout/{name}"]["status"]["canaryStatus"]
    text = json.dumps({key: each for key, each in RECORDED.items() if key in routes_of(name)})
    text = text.replace(told["stableRevision"], await revision(world, name))
    made = [manifest(key, each) for key, each in json.loads(text).items()]
    for each in made:
        for owner in each["metadata"].get("ownerReferences", ()):
            owner["uid"] = found["metadata"]["uid"]
    await world.apply(*made)


def routes_of(name: str) -> set[str]:
    """What was recorded of a release's traffic, by kind and name."""
    return {f"{kind}/{each}" for kind in ROUTES for each in (name, f"{name}-canary")} & set(RECORDED)


def manifest(key: str, recorded: dict[str, Any]) -> dict[str, Any]:
    kind, _, name = key.partition("/")
    metadata = {"name": name, **{each: value for each, value in recorded.items() if each != "spec"}}
    return {"apiVersion": API_VERSIONS[kind], "kind": kind, "metadata": metadata, "spec": recorded["spec"]}


async def revision(world: Guarded, name: str) -> str:
    """The stable one: the only one that there is here."""
    found = await kubectl(world.state, "get", "replicasets", "-l", f"app={name}", "-o", "json")
    (only,) = [each for each in json.loads(found)["items"] if each["metadata"]["ownerReferences"][0]["name"] == name]
    hash_: str = only["metadata"]["labels"][HASH]
    return hash_


def template(version: str) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "app", "image": f"registry.example/web:{version}_ready-0.3"}]}}


async def patch(world: Guarded, what: str, body: dict[str, Any], *arguments: str) -> None:
    style = "merge" if what.startswith("rollouts.") else "strategic"
    await kubectl(world.state, "patch", what, f"--type={style}", "-p", json.dumps(body), *arguments)
