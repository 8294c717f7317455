"""An HTTPS server for what the API server asks while it waits: admission reviews and conversions.

Made by `certified`, beside the health page. The certificate is read from two files, and read again when they
change, so that whoever rotates it (cert-manager, our own authority) need not tell us. Answers come from memory at once;
one that can't be given is a 500, and what the API server does then is its configuration's `failurePolicy`.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import structlog

from tidegate_chassis.http import Receive, Refused, Scope, Send, Server, read_body, respond
from tidegate_chassis.settings import Settings
from tidegate_chassis.telemetry import WEBHOOK_SECONDS

Answering = Callable[[bytes], bytes]
"""From the body of a POST to the body of its answer; raises ValueError or DecodeError where it makes no sense."""

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""A review holds an object as it is and as it was, and the API server takes objects of up to 3 MiB."""

CERTIFICATE_LOOK_S: Final = 5.0
KEEP_ALIVE_S: Final = 75

_log = structlog.get_logger(__name__)


class WebhookSettings(Settings, frozen=True, kw_only=True):
    """Of a service that serves webhooks."""

    webhook_host: str = "127.0.0.1"
    webhook_port: int = 0
    """0: no webhook is served."""
    webhook_certificate_file: str = ""
    webhook_key_file: str = ""
    """Where these are empty, an authority of our own is kept in a Secret."""
    webhook_namespace: str = "tidegate-system"
    """Of that Secret, and of the Service that the API server calls."""
    webhook_names: str = ""
    """What a certificate of our own is for, separated by commas; empty: the Service's names."""


class WebhookServer:
    """A worker that serves `routes`, by path, with the certificate and the key in `files`.

    Raises:
        OSError: at `run`, where the certificate can't be read.
    """

    def __init__(self, settings: WebhookSettings, routes: Mapping[str, Answering], files: tuple[Path, Path]) -> None:
        self._routes = dict(routes)
        self._files = files
        self._server = Server(
            self.application,
            settings.webhook_host,
            settings.webhook_port,
            ssl_certfile=str(files[0]),
            ssl_keyfile=str(files[1]),
            timeout_keep_alive=KEEP_ALIVE_S,
        )

    def __repr__(self) -> str:
        return f"the webhooks {', '.join(self._routes)}"

    def problem(self) -> str | None:
        """A health check."""
        return None if self._server.started else "webhooks are not served yet"

    async def run(self) -> None:
        read_at = self._stamps()
        serving = asyncio.create_task(self._server.serve())
        try:
            while not serving.done():
                await asyncio.wait({serving}, timeout=CERTIFICATE_LOOK_S)
                stamps = self._stamps()
                if stamps != read_at and self._renew():
                    read_at = stamps
            serving.result()
        finally:
            self._server.should_exit = True
            await asyncio.wait({serving})

    async def stop(self) -> None:
        self._server.should_exit = True

    def _stamps(self) -> tuple[int, ...]:
        return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in self._files)

    def _renew(self) -> bool:
        """Takes the certificate for new connections; one of two files that were not written together comes later."""
        context = self._server.config.ssl
        assert context is not None, "loaded when the server started"
        try:
            context.load_cert_chain(*map(str, self._files))
        except (ssl.SSLError, OSError) as error:
            _log.warning("the new certificate can't be used yet", reason=str(error))
            return False
        _log.info("the certificate was renewed")
        return True

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "http":
            began_s = time.monotonic()
            status, body = await self._answer(scope, receive)
            await respond(send, status, body, "application/json")
            if scope["path"] in self._routes:
                WEBHOOK_SECONDS.labels(scope["path"]).observe(time.monotonic() - began_s)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, bytes]:
        answering = self._routes.get(scope["path"])
        if answering is None or scope["method"] != "POST":
            return 404, b"{}"
        try:
            return 200, answering(await read_body(receive, BODY_BYTES_MAX))
        except Refused as refused:
            _log.warning("a review was refused", path=scope["path"], reason=refused.reason)
            return refused.status, b"{}"
        except (ValueError, msgspec.DecodeError) as error:
            _log.warning("a review was not understood", path=scope["path"], reason=str(error))
            return 400, b"{}"
        except Exception:  # noqa: BLE001 - the API server waits: it gets its 500, and the log says why
            _log.exception("a review could not be answered", path=scope["path"])
            return 500, b"{}"
