"""By what a workload tells that Kruise Rollouts holds it: what its manager writes there, and takes off when it lets go.

Two that hold one workload take each other's saved values for its user's. So the workload-controller leaves such a
workload alone, and `tidegate doctor` names it.
"""

from typing import Final

LABEL: Final = "rollouts.kruise.io/workload-type"
"""On every workload that a Rollout of Kruise's ever named; never taken off, and no sign of a hold."""

ANNOTATIONS: Final = (
    "rollouts.kruise.io/in-progressing",
    "batchrelease.rollouts.kruise.io/control-info",
    "rollouts.kruise.io/deployment-strategy",
    "rollouts.kruise.io/original-deployment-strategy",
    "rollouts.kruise.io/daemonset-original-update-strategy",
)
"""Of all kinds and styles: some of them stand from its hold at admission to the end of its finalising."""

ORIGINAL: Final = "rollouts.kruise.io/original-spec-configuration"
"""On an object of any kind that routes: its user's own spec, labels and annotations, while Kruise shifts it."""

WEBHOOK: Final = "kruise-rollout-mutating-webhook-configuration"
"""Its configuration at admission: where it stands, Kruise holds changes as well."""

REMEDY: Final = (
    "Let Kruise Rollouts finish or roll back this release, or take its hold off by hand as docs/migrate-from-kruise.md"
    " says; then ask again."
)
