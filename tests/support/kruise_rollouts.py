"""Rollouts of Kruise's as tests write them: manifests for the API server, and the same as the operator reads them."""

from typing import Any

import msgspec

from tidegate_contracts.guards import GuardSet
from tidegate_contracts.rollout import RolloutRequested
from tidegate_contracts.validate import validate_guard
from tidegate_contracts.workload import WorkloadReference
from tidegate_rollout_operator.kruise import Rollout
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.view import View, evolve

AUTHOR = "Rollout web"
WEB = WorkloadReference(name="web")
QUERY = 'latency{pod=~"{{pods}}"}'
_CHECK: dict[str, Any] = {
    "name": "good",
    "metric": "success-rate",
    "source": "contour",
    "service": "web-canary",
    "minimum": 99,
}
_DIRECTION = {"direction": "increase", "points": 9, "tolerancePercent": 5, "tolerance": 0.5, "confidencePercent": 95}
_COMPARED = {"name": "slow", "query": QUERY, "compare": _DIRECTION, "groups": ["users"]}
JUDGED: dict[str, Any] = {
    "checks": [_CHECK | {"minimum": 99, "criticality": "critical"}, _COMPARED],
    "verdicts": [{"name": "tests", "signedBy": ["ci"], "withinSeconds": 60}],
    "alerts": [{"name": "pages", "labels": {"severity": ["critical", "page"]}, "lookBackSeconds": 30}],
    "baseline": "fresh",
    "score": {"passScore": 90, "marginalScore": 60, "weights": {"users": 70}},
}
"""An analysis with each of the fields that aren't said elsewhere, but for Argo's templates."""


def steps(*replicas: int | str, pause: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [{"replicas": each, "pause": pause if pause is not None else {"duration": 0}} for each in replicas]


def manifest(
    name: str = "web", *, namespace: str = "shop", style: str = "canary", paused: bool = False, **block: Any
) -> dict[str, Any]:
    """A Rollout for the Deployment `web`; `block` is what stands beside the steps."""
    block = {"steps": steps("20%", "100%"), **block}
    return {
        "apiVersion": "rollouts.kruise.io/v1beta1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "strategy": {style: block, **({"paused": True} if paused else {})},
        },
    }


def read(document: dict[str, Any], **metadata: Any) -> Rollout:
    """As the reflector hands it on."""
    made = {"uid": "u-1", "generation": 1, "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    whole = document | {"metadata": document["metadata"] | made | metadata}
    return msgspec.convert(whole, Rollout)


def rollout(*, metadata: dict[str, Any] | None = None, spec: dict[str, Any] | None = None, **given: Any) -> Rollout:
    document = manifest(**given)
    document["spec"] |= spec or {}
    return read(document, **(metadata or {}))


def folded(history: list[Any]) -> View:
    """The view of a history, each event at a place of its own."""
    view = View()
    for sequence, event in enumerate(history, start=1):
        view = evolve(view, sequence, event)
    return view


def requested(**given: Any) -> RolloutRequested:
    """As what it is carried."""
    wanted = translate(rollout(**given))
    assert isinstance(wanted, RolloutRequested), wanted
    assert validate_guard(GuardSet(request=wanted), "shop") == ()
    return wanted


def refused(**given: Any) -> list[str]:
    """The fields for which it is not carried."""
    wanted = translate(rollout(**given))
    assert isinstance(wanted, tuple)
    assert all(problem.rule and problem.remedy for problem in wanted)
    return [problem.field for problem in wanted]
