"""The OpenKruise manager: CloneSets, Advanced StatefulSets and DaemonSets, WorkloadSpread. Only where it is asked for.

Its CRDs, role and webhook configurations come from its own Go module, by way of the toolchain's cache; what its
manifests leave to kustomize (names, patches by webhook) is done here. It runs as it does in a cluster, webhooks
included, so a pod can only be made while it is up.
"""

from functools import partial

from tidegate_sandbox.addresses import KRUISE_HEALTH_PORT, KRUISE_METRICS_PORT, KRUISE_WEBHOOK_PORT, LOOPBACK
from tidegate_sandbox.credentials import KRUISE_MANAGER
from tidegate_sandbox.parts.api_server_client import Manifest, definitions_from_lines, manifests_from_lines
from tidegate_sandbox.parts.bindings import bound
from tidegate_sandbox.parts.context import Context
from tidegate_sandbox.supervisor.steps import Chore, Process, Step, wait_for

NAMESPACE = "kruise-system"
# What kustomize puts before every name; the manager looks for its webhook configurations under these.
NAME_PREFIX = "kruise-"
# The one CRD whose versions differ: the manager converts it, and fills in its own address.
CONVERTED = "statefulsets.apps.kruise.io"
CONVERSION = {
    "strategy": "Webhook",
    "webhook": {
        "clientConfig": {
            "service": {"namespace": NAMESPACE, "name": f"{NAME_PREFIX}webhook-service", "path": "/convert"}
        },
        "conversionReviewVersions": ["v1", "v1beta1"],
    },
}


def steps(context: Context) -> list[Step]:
    share = context.settings.toolchain.kruise_manifests

    async def crds() -> None:
        client = context.api_server()
        definitions = [converted(crd) for crd in definitions_from_lines(share / "crds.jsonl")]
        webhooks = patched_webhooks(
            manifests_from_lines(share / "webhooks.jsonl"), manifests_from_lines(share / "webhook-patches.jsonl")
        )
        await client.apply_all([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}])
        await client.create_all([*definitions, *rights(manifests_from_lines(share / "roles.jsonl")), *webhooks])
        # The manager leaves out, for good and in silence, the controllers of kinds that it finds not served.
        for path in (path for crd in definitions for path in served_paths(crd)):
            await wait_for(partial(client.check, path), what=f"the API server serving {path}")

    return [Chore(name="kruise-crds", needs=("kube-apiserver",), run=crds), _manager(context)]


def _manager(context: Context) -> Process:
    def command() -> list[str]:
        return [
            str(context.settings.toolchain.kruise_manager),
            f"--kubeconfig={context.kubeconfig(KRUISE_MANAGER)}",
            f"--metrics-addr={LOOPBACK}:{KRUISE_METRICS_PORT}",
            f"--health-probe-addr={LOOPBACK}:{KRUISE_HEALTH_PORT}",
            "--enable-leader-election=false",
            "--enable-pprof=false",
            "--rest-config-qps=500",
            "--rest-config-burst=1000",
            # There is no kruise-daemon on simulated nodes: nothing would answer for images and probes.
            "--feature-gates=KruiseDaemon=false",
            "--v=2",
        ]

    environment = {
        "POD_NAMESPACE": NAMESPACE,
        "WEBHOOK_HOST": LOOPBACK,
        "WEBHOOK_PORT": str(KRUISE_WEBHOOK_PORT),
        "WEBHOOK_CERT_DIR": str(context.folder("kruise/certificates")),
    }
    return Process(
        name="kruise-manager",
        needs=("kubeconfigs", "kruise-crds"),
        command=command,
        probe=context.answers(f"http://{LOOPBACK}:{KRUISE_HEALTH_PORT}/readyz"),
        environment=environment,
    )


def converted(crd: Manifest) -> Manifest:
    """The CRD, with the conversion webhook where the manager offers one."""
    if crd["metadata"]["name"] != CONVERTED:
        return crd
    return crd | {"spec": crd["spec"] | {"conversion": CONVERSION}}


def served_paths(crd: Manifest) -> list[str]:
    spec = crd["spec"]
    plural = spec["names"]["plural"]
    return [f"/apis/{spec['group']}/{version['name']}/{plural}" for version in spec["versions"] if version["served"]]


def patched_webhooks(configurations: list[Manifest], patches: list[Manifest]) -> list[Manifest]:
    """Both webhook configurations under their real names, each webhook with what the patches add to it."""
    additions = {(patch["kind"], webhook["name"]): webhook for patch in patches for webhook in patch["webhooks"]}
    return [
        configuration
        | {
            "metadata": {"name": f"{NAME_PREFIX}{configuration['metadata']['name']}"},
            "webhooks": [
                webhook | additions.get((configuration["kind"], webhook["name"]), {})
                for webhook in configuration["webhooks"]
            ],
        }
        for configuration in configurations
    ]


def rights(roles: list[Manifest]) -> list[Manifest]:
    """The manager's own roles, bound to the sandbox's user for it."""
    named = [role | {"metadata": {"name": f"{NAME_PREFIX}{role['metadata']['name']}"}} for role in roles]
    return bound(named, KRUISE_MANAGER)
