"""The shipped webhooks, served by services inside a sandbox: their configurations, and what the services are told.

In a sandbox the API server calls its own machine, so a configuration names an address instead of a Service. Used by the
bench and the tests.
"""

import base64
import socket
from pathlib import Path
from typing import Any, Final

import yaml

from tidegate_demo.certificates import Authority

MANIFESTS: Final = Path(__file__).parents[4] / "deploy" / "kubernetes" / "webhooks"
LOOPBACK: Final = "127.0.0.1"


class Webhooks:
    """One authority, and a port for each service that serves webhooks.

    Args:
        directory: Where the certificate's files go.
    """

    def __init__(self, directory: Path) -> None:
        self._authority = Authority()
        self._files = self._authority.serve(directory)

    def environment(self, port: int) -> dict[str, str]:
        """What a service is told that serves webhooks on this port."""
        return {
            "TIDEGATE_WEBHOOK_PORT": str(port),
            "TIDEGATE_WEBHOOK_CERTIFICATE_FILE": str(self._files.certificate),
            "TIDEGATE_WEBHOOK_KEY_FILE": str(self._files.key),
        }

    def configuration(self, manifest: str, port: int) -> dict[str, Any]:
        """The shipped configuration of this name, for webhooks that are served on this port."""
        shipped = (MANIFESTS / manifest).read_text(encoding="utf-8")
        configuration: dict[str, Any] = next(yaml.safe_load_all(shipped))
        bundle = base64.b64encode(self._authority.bundle).decode()
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://{LOOPBACK}:{port}{path}", "caBundle": bundle}
        return configuration


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
