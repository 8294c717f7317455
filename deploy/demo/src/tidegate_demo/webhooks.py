"""The shipped webhooks, served by services inside a sandbox: their configurations, and what the services are told.

In a sandbox the API server calls its own machine, so a configuration names an address instead of a Service. The
services keep the certificates themselves. Used by the bench and the tests.
"""

from pathlib import Path
from typing import Any, Final

import yaml

MANIFESTS: Final = Path(__file__).parents[4] / "deploy" / "kubernetes"
HOST: Final = "localhost"


def environment(port: int) -> dict[str, str]:
    """What a service is told that serves webhooks on this port."""
    return {"TIDEGATE_WEBHOOK_PORT": str(port), "TIDEGATE_WEBHOOK_NAMES": HOST}


def manifests(file: str, port: int) -> list[dict[str, Any]]:
    """The shipped objects of a file below `deploy/kubernetes`, with webhooks that are served on this port."""
    found: list[dict[str, Any]] = list(yaml.safe_load_all((MANIFESTS / file).read_text(encoding="utf-8")))
    for each in found:
        conversion = each.get("spec", {}).get("conversion", {}).get("webhook")
        for webhook in [*each.get("webhooks", ()), *([conversion] if conversion else [])]:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://{HOST}:{port}{path}"}
    return found
