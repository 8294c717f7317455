"""The podlet: the one simulated part, standing in for kubelets and scheduler (package `podlet`)."""

import sys

from tidegate_sandbox.addresses import LOOPBACK, PODLET_METRICS_PORT
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Process, Step


def steps(context: Context) -> list[Step]:
    def command() -> list[str]:
        kubeconfig = str(context.kubeconfig("podlet"))
        module = "tidegate_sandbox.podlet"
        return [sys.executable, "-m", module, "--kubeconfig", kubeconfig, "--metrics-port", str(PODLET_METRICS_PORT)]

    needs = ("kubeconfigs", "manifests")
    probe = context.answers(f"http://{LOOPBACK}:{PODLET_METRICS_PORT}/metrics")
    return [Process(name="podlet", needs=needs, command=command, probe=probe)]
