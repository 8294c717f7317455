"""etcd, the API server and the controller manager, and what every sandbox has in its cluster from the start.

The first group of every plan. Flags that are not obvious carry their reason; `facts` they rest on were measured.
"""

import msgspec
import yaml

from tidegate_sandbox.addresses import (
    API_SERVER_ADVERTISED,
    API_SERVER_PORT,
    CONTROLLER_MANAGER_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    LOOPBACK,
    SERVICE_RANGE,
)
from tidegate_sandbox.credentials import CONTROLLER_MANAGER, SYSTEM_NAMESPACE, signing_key_pem, write_kubeconfigs
from tidegate_sandbox.parts.api_server_client import Manifest
from tidegate_sandbox.parts.context import KUBECONFIGS_INSIDE, KUBECONFIGS_OUTSIDE, Context
from tidegate_sandbox.supervisor.steps import Chore, Process, Step

ETCD_URL = f"http://{LOOPBACK}:{ETCD_PORT}"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [{"level": "None", "users": ["system:apiserver"]}, {"level": "Metadata"}],
}
# As in Kubernetes: every 5 s for 50 s.
NODE_CHECKS_PER_GRACE = 10
# Node addresses, tokens and certificates of kubelets: nothing here asks for them.
CONTROLLERS_OFF = ("node-ipam-controller", "bootstrap-signer-controller", "token-cleaner-controller")


def steps(context: Context) -> list[Step]:
    async def kubeconfigs() -> None:
        doors = {
            KUBECONFIGS_INSIDE: f"{LOOPBACK}:{API_SERVER_PORT}",
            KUBECONFIGS_OUTSIDE: context.settings.door_addresses["kubernetes"],
        }
        for folder, door in doors.items():
            write_kubeconfigs(context.folder(folder), context.users, f"https://{door}", context.certificate_authority)

    async def manifests() -> None:
        await context.api_server().apply_all([*own_manifests(), *repository_manifests(context)])

    return [
        _etcd(context),
        _api_server(context),
        Chore(name="kubeconfigs", needs=("kube-apiserver",), run=kubeconfigs),
        Chore(name="manifests", needs=("kube-apiserver",), run=manifests),
        _controller_manager(context),
    ]


def _etcd(context: Context) -> Process:
    def command() -> list[str]:
        return [
            str(context.settings.toolchain.etcd),
            f"--data-dir={context.folder('etcd')}",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            f"--listen-peer-urls=http://{LOOPBACK}:{ETCD_PEER_PORT}",
            # A sandbox survives the end of its processes, which needs no fsync, not the end of the machine.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    return Process(name="etcd", command=command, probe=context.answers(f"{ETCD_URL}/health"))


def _api_server(context: Context) -> Process:
    def command() -> list[str]:
        folder = context.folder("kubernetes")
        key, policy, tokens = folder / "service-account.key", folder / "audit-policy.json", folder / "tokens.csv"
        if not key.exists():
            key.write_text(signing_key_pem(), encoding="utf-8")
            policy.write_bytes(msgspec.json.encode(AUDIT_POLICY))
            tokens.write_text("".join(user.token_line for user in context.users), encoding="utf-8")
        return [
            str(context.settings.toolchain.kube_apiserver),
            f"--etcd-servers={ETCD_URL}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={API_SERVER_PORT}",
            f"--advertise-address={API_SERVER_ADVERTISED}",
            f"--cert-dir={context.certificate_authority.parent}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--endpoint-reconciler-type=none",
            # Cluster IPs lead nowhere here: an aggregated API is reached at its endpoints.
            "--enable-aggregator-routing",
            f"--token-auth-file={tokens}",
            "--authorization-mode=RBAC",
            # Pods need no tokens mounted: nothing simulated calls the API.
            "--disable-admission-plugins=ServiceAccount",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={context.settings.directory / 'audit.log'}",
            # Readers count lines while it runs: one file, never rotated.
            "--audit-log-maxsize=2000",
            "--allow-privileged",
            "--profiling=false",
            "--v=1",
            # Each call of a webhook, and how long it took: its histogram has no bound between 5 and 25 ms.
            "--vmodule=round_trippers=6",
        ]

    async def probe() -> None:
        await context.api_server().check("/readyz")

    # It allocates much and keeps little: collecting half as often saves it a fifteenth of its work.
    return Process(name="kube-apiserver", needs=("etcd",), command=command, probe=probe, environment={"GOGC": "200"})


def _controller_manager(context: Context) -> Process:
    def command() -> list[str]:
        key = context.folder("kubernetes") / "service-account.key"
        return [
            str(context.settings.toolchain.kube_controller_manager),
            f"--kubeconfig={context.kubeconfig(CONTROLLER_MANAGER)}",
            f"--bind-address={LOOPBACK}",
            f"--secure-port={CONTROLLER_MANAGER_PORT}",
            f"--cert-dir={context.folder('kubernetes/controller-manager')}",
            f"--service-account-private-key-file={key}",
            f"--controllers=*,{','.join(f'-{name}' for name in CONTROLLERS_OFF)}",
            # One copy only, and it shall be back at once after a kill.
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--node-monitor-grace-period={context.settings.node_grace_s}s",
            f"--node-monitor-period={context.settings.node_grace_s / NODE_CHECKS_PER_GRACE}s",
            "--horizontal-pod-autoscaler-sync-period=2s",
            # For minutes it would take the load of new pods for none, and scale in steps that nobody can foretell.
            "--horizontal-pod-autoscaler-cpu-initialization-period=0s",
            "--profiling=false",
            "--v=1",
        ]

    # Its autoscaler and garbage collector look for new kinds twice a minute only: started now, they know them all.
    kinds = ("kruise-crds",) if "kruise" in context.settings.groups else ()
    needs = ("kubeconfigs", "manifests", *kinds)
    probe = context.answers(f"https://{LOOPBACK}:{CONTROLLER_MANAGER_PORT}/healthz", verify=False)
    return Process(name="kube-controller-manager", needs=needs, command=command, probe=probe)


def own_manifests() -> list[Manifest]:
    """The namespaces that the sandbox's users belong to, and rights of the users that only a sandbox has."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}},
        *_rights("podlet", [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
        *_rights("prometheus", [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]),
    ]


def _rights(user: str, rules: list[Manifest]) -> list[Manifest]:
    name = f"sandbox-{user}"
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": SYSTEM_NAMESPACE}],
        },
    ]


def repository_manifests(context: Context) -> list[Manifest]:
    """Everything in deploy/kubernetes: the services' own accounts and rights, as users of Tidegate apply them."""
    folder = context.settings.deploy_directory / "kubernetes"
    files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    return [d for file in files for d in yaml.safe_load_all(file.read_bytes()) if d]
