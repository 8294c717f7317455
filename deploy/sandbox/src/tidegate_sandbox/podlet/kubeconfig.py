"""How to reach the API server: the current context of a kubeconfig file, and no more of it than that.

Read once by `app` at the start, for `api`.
"""

import base64
import ssl
import tempfile
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct


class KubeconfigError(ValueError):
    """The file does not say how to reach a cluster; the message says what is missing."""


class Access(Struct, frozen=True):
    """Where the API server is and who we are to it."""

    server: str
    token: str | None
    ssl_context: ssl.SSLContext | None


def load(path: Path) -> Access:
    """The access that the file's current context gives."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise KubeconfigError(f"{path} is no kubeconfig")
    context = _named(document, "contexts", document.get("current-context"), "context")
    cluster = _named(document, "clusters", context.get("cluster"), "cluster")
    user = _named(document, "users", context.get("user"), "user")
    server = str(cluster.get("server", "")).rstrip("/")
    if not server.startswith(("http://", "https://")):
        raise KubeconfigError(f"{path}: the cluster's server {server!r} is no http or https address")
    context_ssl = _ssl_context(cluster, user, path.parent) if server.startswith("https://") else None
    return Access(server=server, token=_token(user, path.parent), ssl_context=context_ssl)


def _named(document: dict[str, Any], section: str, name: Any, key: str) -> dict[str, Any]:
    for entry in document.get(section) or ():
        if entry.get("name") == name:
            return dict(entry.get(key) or {})
    raise KubeconfigError(f"the kubeconfig's {section} have no entry {name!r}")


def _token(user: dict[str, Any], folder: Path) -> str | None:
    if "tokenFile" in user:
        return (folder / str(user["tokenFile"])).read_text(encoding="utf-8").strip()
    token = user.get("token")
    return None if token is None else str(token)


def _ssl_context(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    authority = _data(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode("ascii") if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cluster.get("tls-server-name"):
        raise KubeconfigError("the cluster's tls-server-name is not supported")
    certificate, key = _data(user, "client-certificate", folder), _data(user, "client-key", folder)
    if certificate and key:
        # The ssl module reads a client's certificate from files only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _data(section: dict[str, Any], key: str, folder: Path) -> bytes | None:
    if f"{key}-data" in section:
        return base64.b64decode(section[f"{key}-data"])
    if key in section:
        return (folder / str(section[key])).read_bytes()
    return None
