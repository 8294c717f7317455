"""The podlet: the one simulated part, standing in for kubelets and scheduler (package `podlet`)."""

import sys

from tidegate_sandbox.addresses import (
    LOOPBACK,
    PODLET_METRICS_PORT,
    RESOURCE_METRICS_ADDRESS,
    RESOURCE_METRICS_PORT,
)
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Process, Step

# As a kubelet: every 10 s of 50 s.
HEARTBEATS_PER_GRACE = 5


def steps(context: Context) -> list[Step]:
    def command() -> list[str]:
        kubeconfig = str(context.kubeconfig("podlet"))
        module = "tidegate_sandbox.podlet"
        return [
            *(sys.executable, "-m", module, "--kubeconfig", kubeconfig),
            *("--metrics-port", str(PODLET_METRICS_PORT)),
            *("--nodes", str(context.settings.nodes)),
            *_resource_metrics_options(context),
            *("--heartbeat-s", str(context.settings.node_grace_s / HEARTBEATS_PER_GRACE)),
        ]

    needs = ("kubeconfigs", "manifests")
    probe = context.answers(f"http://{LOOPBACK}:{PODLET_METRICS_PORT}/metrics")
    return [Process(name="podlet", needs=needs, command=command, probe=probe)]


def _resource_metrics_options(context: Context) -> list[str]:
    if "resource-metrics" not in context.settings.groups:
        return []
    # The API server's own certificate, the only one that there is: whoever asks does not verify it.
    certificate = context.certificate_authority
    return [
        *("--resource-metrics", f"{RESOURCE_METRICS_ADDRESS}:{RESOURCE_METRICS_PORT}"),
        *("--certificate", str(certificate), "--certificate-key", str(certificate.with_suffix(".key"))),
    ]
