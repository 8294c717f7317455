"""A service's webhooks, from its settings: with certificates that somebody else rotates, or of our own keeping.

Called by a service's `app`. Where two files are named, they are used (cert-manager writes such); otherwise the
authority stands in a Secret of the service's own, and the bundle in its own configurations (`certificates_store`).
"""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import structlog

from tidegate_chassis.certificates_store import CERTIFICATE_FILE, KEY_FILE, CertificateKeeper, Kept, Place
from tidegate_chassis.clock import Clock
from tidegate_chassis.context import Context
from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.webhooks import Answering, WebhookServer, WebhookSettings

FIRST_RETRY_S: Final = 1.0
_log = structlog.get_logger(__name__)


def serve_webhooks(
    context: Context, client: KubernetesClient, routes: Mapping[str, Answering], places: Sequence[Place]
) -> None:
    """Adds what serves `routes` to the service, where its settings name a port.

    Args:
        context: The service's.
        client: How to reach the API server.
        routes: What is answered, by path.
        places: The service's own objects that hold the bundle.
    """
    settings = context.settings
    if not isinstance(settings, WebhookSettings) or not settings.webhook_port:
        return
    if settings.webhook_certificate_file:
        files = (Path(settings.webhook_certificate_file), Path(settings.webhook_key_file))
        server = WebhookServer(settings, routes, files)
        context.add(server)
    else:
        # Its mode lets nobody else read the key.
        directory = Path(tempfile.mkdtemp(prefix=f"{context.name}-webhooks-"))
        server = WebhookServer(settings, routes, (directory / CERTIFICATE_FILE, directory / KEY_FILE))
        keeper = CertificateKeeper(client, context.clock, _kept(context, settings, places, directory))
        context.health.check("certificates", keeper.problem)
        context.add(Certified(context.clock, keeper, server, directory))
    context.health.check("webhooks", server.problem)


def _kept(context: Context, settings: WebhookSettings, places: Sequence[Place], directory: Path) -> Kept:
    service = f"{context.name}.{settings.webhook_namespace}.svc"
    names = tuple(name.strip() for name in settings.webhook_names.split(",") if name.strip())
    return Kept(
        namespace=settings.webhook_namespace,
        secret=f"{context.name}-webhooks",
        names=names or (service, f"{service}.cluster.local"),
        places=tuple(places),
        directory=directory,
    )


class Certified:
    """A worker: certificates first, then the server, and both from then on.

    Args:
        clock: For waits.
        keeper: Who makes the certificates.
        server: Who uses them.
        directory: Where their files are, for this copy and as long as it runs.
    """

    def __init__(self, clock: Clock, keeper: CertificateKeeper, server: WebhookServer, directory: Path) -> None:
        self._clock = clock
        self._keeper = keeper
        self._server = server
        self._directory = directory

    def __repr__(self) -> str:
        return f"{self._server!r} with certificates of our own keeping"

    async def run(self) -> None:
        try:
            await self._certify_and_serve()
        finally:
            shutil.rmtree(self._directory)

    async def _certify_and_serve(self) -> None:
        while self._keeper.serving is None:
            try:
                await self._keeper.look()
            except OperatingError as error:
                _log.warning("no certificate yet", reason=error.reason)
                await self._clock.sleep(FIRST_RETRY_S)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self._keeper.run())
            await self._server.run()
            keeping.cancel()

    async def stop(self) -> None:
        await self._server.stop()
