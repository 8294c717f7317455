"""Whether Kruise Rollouts still works in the cluster: its webhook, and the workloads that it holds.

Asks through kubectl; called by `doctor_kubernetes`. Who switches from Kruise sees here what is left to be finished
(docs/migrate-from-kruise.md).
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from tidegate_cli.findings import Finding, fault, good, warning
from tidegate_cli.kubernetes_rights import Asking
from tidegate_contracts.kruises_hold import ANNOTATIONS, LABEL, WEBHOOK

ABOUT: Final = "Kruise Rollouts"
FINISH: Final = "Finish or roll back its release: docs/migrate-from-kruise.md. Tidegate leaves it alone until then."
STOP: Final = "Take Kruise Rollouts away before Rollouts are served by Tidegate: docs/migrate-from-kruise.md."
KINDS: Final = (
    ("deployments.apps", "statefulsets.apps", "daemonsets.apps"),
    ("clonesets.apps.kruise.io", "statefulsets.apps.kruise.io", "daemonsets.apps.kruise.io"),
)
"""Asked about apart: kubectl answers nothing at all where one kind of several isn't served."""


async def examine(kubectl: Asking) -> AsyncIterator[Finding]:
    """Nothing to say is said, too: who switches wants to read it."""
    quiet = True
    status, _, _ = await kubectl.run("get", "mutatingwebhookconfigurations", WEBHOOK, "-o", "name")
    if not status:
        quiet = False
        yield warning(ABOUT, f"its webhook {WEBHOOK} is there: it holds changes as well", STOP)
    for kinds in KINDS:
        for name in await _held(kubectl, kinds):
            quiet = False
            yield fault(ABOUT, f"holds {name}", FINISH)
    if quiet:
        yield good(ABOUT, "holds nothing in this cluster")


async def _held(kubectl: Asking, kinds: tuple[str, ...]) -> list[str]:
    status, answer, _ = await kubectl.run("get", ",".join(kinds), "-A", "-l", LABEL, "-o", "json")
    return [] if status else [_name(each) for each in json.loads(answer)["items"] if _is_held(each)]


def _is_held(workload: dict[str, Any]) -> bool:
    return any(mark in workload["metadata"].get("annotations", {}) for mark in ANNOTATIONS)


def _name(workload: dict[str, Any]) -> str:
    metadata = workload["metadata"]
    return f"{workload['kind']} {metadata['namespace']}/{metadata['name']}"
