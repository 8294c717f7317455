"""Who may talk to a sandbox's API server, and how: random tokens, a signing key, one kubeconfig per user.

The supervisor makes them fresh for each sandbox. Users stand for the ServiceAccounts of the real deployment, with
the same names and groups, so that the manifests' RBAC rules apply to them unchanged.
"""

import base64
import secrets
from pathlib import Path
from typing import Any

import msgspec

SYSTEM_NAMESPACE = "tidegate-system"
KRUISE_MANAGER = "kruise-manager"
TRAEFIK = "traefik"
ISTIOD = "istiod"
SERVICE_ACCOUNTS = (
    "workload-controller",
    "traffic-shifter",
    "metrics-analyzer",
    "rollout-operator",
    "prometheus",
    "podlet",
    "contour",
    KRUISE_MANAGER,
    TRAEFIK,
    ISTIOD,
)
ADMIN = "admin"
CONTROLLER_MANAGER = "kube-controller-manager"

# SEC 1 ECPrivateKey for P-256 without the public point, which readers compute: prefix, 32 secret bytes, the curve.
_EC_PREFIX = bytes.fromhex("303102010104 20".replace(" ", ""))
_EC_CURVE = bytes.fromhex("a00a06082a8648ce3d030107")


class User(msgspec.Struct, frozen=True):
    """One line of the API server's token file."""

    kubeconfig_name: str
    username: str
    groups: tuple[str, ...]
    token: str

    @property
    def token_line(self) -> str:
        return f'{self.token},{self.username},{self.kubeconfig_name},"{",".join(self.groups)}"\n'


def make_users() -> tuple[User, ...]:
    accounts = tuple(
        User(
            name,
            f"system:serviceaccount:{SYSTEM_NAMESPACE}:{name}",
            ("system:serviceaccounts", f"system:serviceaccounts:{SYSTEM_NAMESPACE}"),
            secrets.token_hex(24),
        )
        for name in SERVICE_ACCOUNTS
    )
    return (
        User(ADMIN, "admin", ("system:masters",), secrets.token_hex(24)),
        User(CONTROLLER_MANAGER, "system:kube-controller-manager", ("system:masters",), secrets.token_hex(24)),
        *accounts,
    )


def signing_key_pem() -> str:
    """A fresh ECDSA key for service-account tokens; the standard library can't make one, but its form is simple."""
    # The group's order starts with 32 one bits: any other start is below it, so every draw is a valid key.
    secret = bytes([secrets.randbelow(255)]) + secrets.token_bytes(31)
    body = base64.encodebytes(_EC_PREFIX + secret + _EC_CURVE).decode().strip()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"


def write_kubeconfigs(directory: Path, users: tuple[User, ...], server: str, authority: Path) -> None:
    """`directory/<user>.yaml` for each user (JSON, which is YAML)."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate = base64.b64encode(authority.read_bytes()).decode()
    for user in users:
        path = directory / f"{user.kubeconfig_name}.yaml"
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(_kubeconfig(user, server, certificate))))


def _kubeconfig(user: User, server: str, certificate: str) -> dict[str, Any]:
    name = "sandbox"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": certificate}}],
        "users": [{"name": user.kubeconfig_name, "user": {"token": user.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user.kubeconfig_name}}],
        "current-context": name,
    }
