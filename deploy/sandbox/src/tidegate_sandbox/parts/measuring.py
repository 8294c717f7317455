"""Prometheus, by deploy/prometheus/sandbox.yml: pods that ask for it, the proxy, and whatever is put beside it.

The configuration names the pods and the folder of further targets relative to itself, so it is copied into the
sandbox's own folder next to them.
"""

import asyncio
import shutil

from tidegate_sandbox.addresses import LOOPBACK, PROMETHEUS_PORT
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.parts.pod_targets import PodTargets
from tidegate_sandbox.supervisor.steps import Chore, Process, Step

TARGETS_FOLDER = "prometheus/targets"
POD_TARGETS_FOLDER = "prometheus/pods"


def steps(context: Context) -> list[Step]:
    following: set[asyncio.Task[None]] = set()

    def command() -> list[str]:
        folder = context.folder("prometheus")
        context.folder(TARGETS_FOLDER)
        configuration = folder / "prometheus.yml"
        shutil.copyfile(context.settings.deploy_directory / "prometheus" / "sandbox.yml", configuration)
        return [
            str(context.settings.toolchain.prometheus),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address={LOOPBACK}:{PROMETHEUS_PORT}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]

    pods = PodTargets(context, context.folder(POD_TARGETS_FOLDER) / "pods.json")

    async def pod_targets() -> None:
        following.add(asyncio.create_task(pods.run(), name="pod targets"))

    probe = context.answers(f"http://{LOOPBACK}:{PROMETHEUS_PORT}/-/ready")
    prometheus = Process(name="prometheus", command=command, probe=probe)
    if "kubernetes" not in context.settings.groups:
        return [prometheus]
    return [Chore(name="pod-targets", needs=("manifests",), run=pod_targets), prometheus]
