"""Whether the cluster knows Kruise's resources, and whether the rollout-operator may keep those that are optional.

Asks through kubectl; called by `doctor_kubernetes`. A cluster without any of them is as good: guards and requests need
none. Where Rollouts are served, it says what is missing beside them, and what doesn't work for it.
"""

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from tidegate_cli.findings import Finding, fault, good, warning
from tidegate_cli.kubernetes_rights import SYSTEM_NAMESPACE, Asking

GROUP: Final = "rollouts.kruise.io"
ABOUT: Final = "Kruise's resources"
HISTORIES: Final = "RolloutHistory"
HISTORIES_MAX: Final = "TIDEGATE_ROLLOUT_HISTORIES_MAX"
OPERATOR: Final = "rollout-operator"
GRANT: Final = (
    "Run `kubectl apply -f deploy/kubernetes/histories`, or set `rolloutOperator.historiesMax` of the Helm chart."
)


class Definition(NamedTuple):
    resource: str
    kind: str
    versions: tuple[str, ...]
    without: str
    """What doesn't work while it is missing."""

    @property
    def remedy(self) -> str:
        return f"Run `kubectl apply -f deploy/kubernetes/crds/{self.resource}.yaml`, or upgrade the Helm chart."


ROLLOUTS: Final = Definition("rollouts", "Rollout", ("v1beta1", "v1alpha1"), "")
BESIDE: Final = (
    Definition("trafficroutings", "TrafficRouting", ("v1alpha1",), "a Rollout that names one waits for it"),
    Definition("batchreleases", "BatchRelease", ("v1beta1", "v1alpha1"), "tools that look at one find none"),
    Definition(
        "rollouthistories", HISTORIES, ("v1alpha1",), f"none is kept, whatever {HISTORIES_MAX} of the operator says"
    ),
)


async def examine(kubectl: Asking) -> list[Finding]:
    served = {version: await _served(kubectl, version) for version in ROLLOUTS.versions}
    if not any(served.values()):
        return [good(ABOUT, f"{GROUP} is not served: guards and requests do without")]
    return [_finding(each, served) for each in (ROLLOUTS, *BESIDE)]


async def _served(kubectl: Asking, version: str) -> frozenset[str]:
    """Empty where the version isn't."""
    status, answer, _ = await kubectl.run("get", "--raw", f"/apis/{GROUP}/{version}")
    return frozenset() if status else frozenset(each["name"] for each in json.loads(answer).get("resources", []))


def _finding(definition: Definition, served: dict[str, frozenset[str]]) -> Finding:
    missing = [version for version in definition.versions if definition.resource not in served[version]]
    if not missing:
        return good(ABOUT, f"{definition.kind} is served in {' and '.join(definition.versions)}")
    if len(missing) < len(definition.versions):
        return warning(ABOUT, f"{definition.kind} is not served in {missing[0]}", definition.remedy)
    if definition is ROLLOUTS:
        return fault(ABOUT, "Rollout is not served, though others of its group are", definition.remedy)
    return warning(ABOUT, f"{definition.kind} is not served: {definition.without}", definition.remedy)


async def histories(kubectl: Asking, denied: Sequence[str], *, granted: bool) -> Finding:
    """Whether the operator may keep histories, and whether it is told to.

    Args:
        kubectl: Asks the cluster.
        denied: What it may not do of what that needs.
        granted: Whether it may do anything with a history, so that somebody wants them.
    """
    about = f"{OPERATOR} rights"
    if not denied:
        return good(about, f"may keep each {HISTORIES}")
    if granted:
        return fault(about, f"may not {', '.join(denied)}, which each {HISTORIES} needs", GRANT)
    if await _told_to_keep(kubectl):
        return fault(about, f"may not keep a {HISTORIES}, though {HISTORIES_MAX} tells it to", GRANT)
    return good(about, f"keeps no {HISTORIES}, as it is installed")


async def _told_to_keep(kubectl: Asking) -> bool:
    """As far as its Deployment says; it may be run by other means."""
    status, answer, _ = await kubectl.run("get", "deployment", OPERATOR, "-n", SYSTEM_NAMESPACE, "-o", "json")
    if status:
        return False
    containers = json.loads(answer)["spec"]["template"]["spec"]["containers"]
    values = [
        each.get("value", "")
        for container in containers
        for each in container.get("env", ())
        if each["name"] == HISTORIES_MAX
    ]
    return any(value not in {"", "0"} for value in values)
