"""Where an Alertmanager's webhook calls: POST /alerts beside the health page, with a bearer token.

Made by `app`, where a token is mounted. What came is stored on the bus before it is acknowledged, so that the copy that
is called need not be the one that holds the orders, and a copy that starts later knows it; `outside_run` judges.
"""

import asyncio
import hmac
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from tidegate_chassis.errors import OperatingError
from tidegate_chassis.http import Receive, Scope, Send, respond
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer import alertmanager, metrics
from tidegate_metrics_analyzer.alertmanager import NotUnderstood
from tidegate_metrics_analyzer.outbound import secrets

PATH: Final = "/alerts"
BODY_BYTES_MAX: Final = 2 * 1024 * 1024
BODY_TIMEOUT_S: Final = 10.0
REASONS_TOLD_MAX: Final = 10
BEARER: Final = "Bearer "
_JSON: Final = "application/json"

_log = structlog.get_logger()


class Telling(Protocol):
    """As much of a publisher as is needed."""

    async def alert(self, cluster: str, namespace: str, alert: AlertNotified) -> None: ...


class Answer(Exception):  # noqa: N818 - an end of the call, most often the caller's mistake
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class AlertWebhook:
    """Args:
    publisher: Who stores the alerts.
    cluster: Whose they are.
    token_file: What the caller must know; read at each call, so that it can be rotated.
    namespace_label: The label of an alert that says which namespace it concerns.
    """

    def __init__(self, publisher: Telling, cluster: str, token_file: Path, namespace_label: str) -> None:
        self._publisher = publisher
        self._cluster = cluster
        self._token_file = token_file
        self._namespace_label = namespace_label

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        try:
            body = await self._taken(scope, receive)
        except Answer as answer:
            _log.warning("a notification of alerts was refused", status=answer.status, reason=answer.reason)
            await respond(send, answer.status, msgspec.json.encode({"error": answer.reason}), _JSON)
            return
        await respond(send, 200, body, _JSON)

    async def _taken(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise Answer(405, "alerts are posted")
        self._authenticate(scope)
        try:
            found = alertmanager.read(await _body(receive), self._namespace_label)
        except NotUnderstood as error:
            raise Answer(400, str(error)) from error
        for namespace, alert in found.taken:
            await self._store(namespace, alert)
        metrics.notified.labels("left_out").inc(len(found.left_out))
        for reason in found.left_out[:REASONS_TOLD_MAX]:
            _log.info("an alert was left out", reason=reason)
        told = {"taken": len(found.taken), "left_out": len(found.left_out)}
        return msgspec.json.encode({**told, "reasons": found.left_out[:REASONS_TOLD_MAX]})

    async def _store(self, namespace: str, alert: AlertNotified) -> None:
        """An Alertmanager tries again after a status of 500 and above; what was stored already is stored once."""
        try:
            await self._publisher.alert(self._cluster, namespace, alert)
        except OperatingError as error:
            metrics.notified.labels("failed").inc()
            raise Answer(503, f"an alert could not be stored: {error.reason}") from error
        metrics.notified.labels("taken").inc()

    def _authenticate(self, scope: Scope) -> None:
        try:
            token = secrets.read_file(self._token_file, "the token of the webhook for alerts")
        except ValueError as error:
            raise Answer(503, str(error)) from error
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if not hmac.compare_digest(given.encode(), f"{BEARER}{token}".encode()):
            raise Answer(401, "the bearer token is missing or wrong")


async def _body(receive: Receive) -> bytes:
    """The whole body; raises `Answer` where it is too large or too slow, or its sender went away."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise Answer(400, "the caller went away")
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise Answer(413, f"a notification has at most {BODY_BYTES_MAX} bytes: set max_alerts")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise Answer(408, f"the notification was not complete within {BODY_TIMEOUT_S:g} s") from error
