"""A part's own roles, bound to the sandbox's user for it. Used by the parts that bring roles: proxy and kruise."""

from tidegate_sandbox.credentials import SYSTEM_NAMESPACE
from tidegate_sandbox.parts.api_server_client import Manifest

GROUP = "rbac.authorization.k8s.io"


def bound(roles: list[Manifest], account: str) -> list[Manifest]:
    """The roles, each with its binding to the service account of that name."""
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM_NAMESPACE}]
    bindings = [
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": f"{role['kind']}Binding",
            "metadata": role["metadata"],
            "roleRef": {"apiGroup": GROUP, "kind": role["kind"], "name": role["metadata"]["name"]},
            "subjects": subjects,
        }
        for role in roles
    ]
    return [*roles, *bindings]
