"""Which Kubernetes resource is meant and under which path the API server serves it.

Used by the client for every call; workload kinds and routers name their resources with it. Names reach a path only
percent-encoded, so a hostile name can't climb out of its own segment.
"""

from urllib.parse import quote

import msgspec

__all__ = [
    "ADVANCED_DAEMON_SETS",
    "ADVANCED_STATEFUL_SETS",
    "CLONE_SETS",
    "CONFIG_MAPS",
    "CONTROLLER_REVISIONS",
    "DAEMON_SETS",
    "DEPLOYMENTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "GRPC_ROUTES",
    "HORIZONTAL_POD_AUTOSCALERS",
    "HTTP_PROXIES",
    "HTTP_ROUTES",
    "INGRESSES",
    "JOBS",
    "NAMESPACES",
    "NODES",
    "PODS",
    "REPLICA_SETS",
    "SELF_SUBJECT_ACCESS_REVIEWS",
    "SERVICES",
    "STATEFUL_SETS",
    "VIRTUAL_SERVICES",
    "Resource",
]


class Resource(msgspec.Struct, frozen=True):
    """One served resource.

    Args:
        group: API group, empty for the core group.
        version: API version, such as `v1`.
        plural: The word in the path, such as `deployments`.
        kind: The word in the object, such as `Deployment`.
        namespaced: Whether its objects live in namespaces.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified_plural(self) -> str:
        """The name RBAC and kubectl use: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def collection_path(self, namespace: str | None) -> str:
        """The path of the collection; None means all namespaces, or a cluster-scoped resource."""
        assert self.namespaced or namespace is None, f"{self.plural} are not namespaced"
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{root}{within}/{self.plural}"

    def object_path(self, namespace: str | None, name: str, *, subresource: str = "") -> str:
        """The path of one object, or of its subresource such as `scale` or `status`."""
        assert name, "an object has a name"
        assert not self.namespaced or namespace, f"{self.plural} are namespaced"
        suffix = f"/{subresource}" if subresource else ""
        return f"{self.collection_path(namespace)}/{quote(name, safe='')}{suffix}"


PODS = Resource("", "v1", "pods", "Pod")
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
CLONE_SETS = Resource("apps.kruise.io", "v1alpha1", "clonesets", "CloneSet")
ADVANCED_STATEFUL_SETS = Resource("apps.kruise.io", "v1beta1", "statefulsets", "StatefulSet")
ADVANCED_DAEMON_SETS = Resource("apps.kruise.io", "v1alpha1", "daemonsets", "DaemonSet")
JOBS = Resource("batch", "v1", "jobs", "Job")
HORIZONTAL_POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
HTTP_PROXIES = Resource("projectcontour.io", "v1", "httpproxies", "HTTPProxy")
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
GRPC_ROUTES = Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress")
DESTINATION_RULES = Resource("networking.istio.io", "v1", "destinationrules", "DestinationRule")
VIRTUAL_SERVICES = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService")
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
