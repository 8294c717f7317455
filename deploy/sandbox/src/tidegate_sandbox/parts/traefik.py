"""Traefik, an Ingress controller and a proxy: IngressRoutes, Ingresses, and those with annotations of ingress-nginx.

Its CRDs and roles come from its own Go module, by way of the toolchain's cache. It runs as its documentation says, its
pause of two seconds between two configurations included: that is what a user's Traefik does.
"""

from functools import partial

from tidegate_sandbox.addresses import LOOPBACK, TRAEFIK_ADMIN_PORT, TRAEFIK_PORT
from tidegate_sandbox.credentials import TRAEFIK
from tidegate_sandbox.parts.api_server_client import Manifest, definitions_from_lines, manifests_from_lines
from tidegate_sandbox.parts.bindings import bound
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.parts.kruise import served_paths
from tidegate_sandbox.supervisor.steps import Chore, Process, Step, wait_for

INGRESS_CLASSES = {"traefik": "traefik.io/ingress-controller", "nginx": "k8s.io/ingress-nginx"}


def steps(context: Context) -> list[Step]:
    share = context.settings.toolchain.traefik_manifests

    async def crds() -> None:
        client = context.api_server()
        definitions = definitions_from_lines(share / "crds.jsonl")
        await client.create_all([*definitions, *rights(manifests_from_lines(share / "roles.jsonl")), *classes()])
        # What it finds not served it asks for again only after a while.
        for path in (path for crd in definitions for path in served_paths(crd)):
            await wait_for(partial(client.check, path), what=f"the API server serving {path}")

    return [Chore(name="traefik-crds", needs=("kube-apiserver",), run=crds), _traefik(context)]


def _traefik(context: Context) -> Process:
    def command() -> list[str]:
        return [
            str(context.settings.toolchain.traefik),
            f"--entryPoints.web.address={LOOPBACK}:{TRAEFIK_PORT}",
            # Its own: `/ping`, `/metrics` and, to look at what it has taken, `/api/rawdata`.
            f"--entryPoints.traefik.address={LOOPBACK}:{TRAEFIK_ADMIN_PORT}",
            "--ping=true",
            "--metrics.prometheus=true",
            "--metrics.prometheus.addRoutersLabels=true",
            "--api.insecure=true",
            "--api.dashboard=false",
            "--providers.kubernetesCRD=true",
            "--providers.kubernetesIngress=true",
            "--providers.kubernetesIngress.ingressClass=traefik",
            "--providers.kubernetesIngressNGINX=true",
            "--global.checkNewVersion=false",
            "--global.sendAnonymousUsage=false",
            "--log.level=INFO",
        ]

    return Process(
        name="traefik",
        needs=("kubeconfigs", "traefik-crds"),
        command=command,
        probe=context.answers(f"http://{LOOPBACK}:{TRAEFIK_ADMIN_PORT}/ping"),
        environment={"KUBECONFIG": str(context.kubeconfig(TRAEFIK))},
    )


def rights(manifests: list[Manifest]) -> list[Manifest]:
    """Traefik's own roles, bound to the sandbox's user for it instead of to the accounts of its examples."""
    return bound([each for each in manifests if each["kind"] == "ClusterRole"], TRAEFIK)


def classes() -> list[Manifest]:
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": name},
            "spec": {"controller": controller},
        }
        for name, controller in INGRESS_CLASSES.items()
    ]
