"""What each service must be allowed in the cluster: the same table as deploy/kubernetes, for `doctor` to ask about."""

from typing import Final, NamedTuple, Protocol


class Right(NamedTuple):
    service: str
    group: str
    resource: str
    verbs: tuple[str, ...]

    @property
    def what(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource


class Asking(Protocol):
    """The part of `doctor_kubernetes.Kubectl` with which a question is asked."""

    async def run(self, *arguments: str) -> tuple[int, str, str]: ...


SYSTEM_NAMESPACE: Final = "tidegate-system"
_HELD: Final = ("get", "list", "watch", "patch")
_WORKLOADS: Final = ("deployments", "statefulsets", "daemonsets")
_KRUISES: Final = ("clonesets", "statefulsets", "daemonsets")
_TEMPLATES: Final = ("analysistemplates", "clusteranalysistemplates")
_ROUTES: Final = {
    "gateway.networking.k8s.io": ("httproutes", "grpcroutes"),
    "projectcontour.io": ("httpproxies",),
    "networking.istio.io": ("virtualservices", "destinationrules"),
    "traefik.io": ("ingressroutes", "traefikservices"),
    "apisix.apache.org": ("apisixroutes",),
    "kuma.io": ("meshhttproutes",),
    "split.smi-spec.io": ("trafficsplits",),
}
RIGHTS: Final = (
    *(Right("workload-controller", "apps", each, _HELD) for each in _WORKLOADS),
    *(Right("workload-controller", "apps.kruise.io", each, _HELD) for each in _KRUISES),
    Right("workload-controller", "apps", "deployments", ("create", "delete")),
    Right("workload-controller", "apps.kruise.io", "clonesets", ("create", "delete")),
    Right("workload-controller", "apps", "replicasets", ("get", "list", "watch")),
    Right("workload-controller", "apps", "replicasets", ("create", "patch", "delete")),
    Right("workload-controller", "apps", "controllerrevisions", ("get", "list", "watch")),
    Right("workload-controller", "autoscaling", "horizontalpodautoscalers", ("list", "patch")),
    Right("workload-controller", "", "events", ("list",)),
    Right("workload-controller", "", "pods", ("list", "watch", "patch", "delete")),
    *(Right("traffic-shifter", group, each, _HELD) for group, kinds in _ROUTES.items() for each in kinds),
    Right("traffic-shifter", "networking.k8s.io", "ingresses", ("get", "list", "watch", "create", "patch", "delete")),
    Right("traffic-shifter", "", "services", ("get", "list", "watch", "create", "patch", "delete")),
    Right("traffic-shifter", "discovery.k8s.io", "endpointslices", ("list", "watch")),
    *(
        Right("metrics-analyzer", group, each, ("get",))
        for group, kinds in {"argoproj.io": _TEMPLATES, "apps": _WORKLOADS, "apps.kruise.io": _KRUISES}.items()
        for each in kinds
    ),
    Right("rollout-operator", "rollouts.kruise.io", "rollouts", ("list", "watch", "patch")),
    Right("rollout-operator", "rollouts.kruise.io", "rollouts/status", ("patch",)),
    Right("rollout-operator", "rollouts.kruise.io", "batchreleases", ("list", "watch", "create", "patch", "delete")),
    Right("rollout-operator", "rollouts.kruise.io", "batchreleases/status", ("patch",)),
    *(Right("rollout-operator", "apps", each, ("get", "list", "watch")) for each in _WORKLOADS),
    *(Right("rollout-operator", "apps.kruise.io", each, ("get", "list", "watch")) for each in _KRUISES),
    Right("rollout-operator", "apps", "replicasets", ("list",)),
    Right("rollout-operator", "apps", "controllerrevisions", ("list",)),
    Right("rollout-operator", "rollouts.kruise.io", "trafficroutings", ("list", "watch", "patch")),
    Right("rollout-operator", "rollouts.kruise.io", "trafficroutings/status", ("patch",)),
    Right("rollout-operator", "", "events", ("create",)),
)
HISTORIES: Final = (
    Right("rollout-operator", "rollouts.kruise.io", "rollouthistories", ("list", "watch", "create", "patch", "delete")),
    Right("rollout-operator", "rollouts.kruise.io", "rollouthistories/status", ("patch",)),
    Right("rollout-operator", "rollouts.kruise.io", "rollouts", ("get",)),
    Right("rollout-operator", "", "services", ("get",)),
    Right("rollout-operator", "gateway.networking.k8s.io", "httproutes", ("get",)),
    Right("rollout-operator", "networking.k8s.io", "ingresses", ("get",)),
    Right("rollout-operator", "", "pods", ("list",)),
)
"""What keeping RolloutHistories needs beyond that, where it is asked for: deploy/kubernetes/histories."""


def account(service: str) -> str:
    """The user that a service is in the cluster."""
    return f"system:serviceaccount:{SYSTEM_NAMESPACE}:{service}"
