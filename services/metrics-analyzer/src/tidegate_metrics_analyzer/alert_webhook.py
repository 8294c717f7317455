"""Where an Alertmanager's webhook calls: POST /alerts beside the health page, with a bearer token.

Made by `app`, where a token is mounted. What came is stored on the bus before it is acknowledged, so that the copy that
is called need not be the one that holds the orders, and a copy that starts later knows it; `outside_run` judges.
"""

import hmac
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog

from tidegate_chassis.errors import OperatingError
from tidegate_chassis.http import Receive, Refused, Scope, Send, read_body, respond
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer import alertmanager, metrics
from tidegate_metrics_analyzer.alertmanager import NotUnderstood
from tidegate_metrics_analyzer.outbound import secrets

PATH: Final = "/alerts"
BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""Who configured an Alertmanager that has more to say is told of its `max_alerts`."""
REASONS_TOLD_MAX: Final = 10
BEARER: Final = "Bearer "
_JSON: Final = "application/json"
_TOO_LARGE: Final = 413

_log = structlog.get_logger()


class Telling(Protocol):
    """As much of a publisher as is needed."""

    async def alert(self, cluster: str, namespace: str, alert: AlertNotified) -> None: ...


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
        except Refused as refused:
            _log.warning("a notification of alerts was refused", status=refused.status, reason=refused.reason)
            await respond(send, refused.status, msgspec.json.encode({"error": refused.reason}), _JSON)
            return
        await respond(send, 200, body, _JSON)

    async def _taken(self, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != "POST":
            raise Refused(405, "alerts are posted")
        self._authenticate(scope)
        try:
            found = alertmanager.read(await _body(receive), self._namespace_label)
        except NotUnderstood as error:
            raise Refused(400, str(error)) from error
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
            raise Refused(503, f"an alert could not be stored: {error.reason}") from error
        metrics.notified.labels("taken").inc()

    def _authenticate(self, scope: Scope) -> None:
        try:
            token = secrets.read_file(self._token_file, "the token of the webhook for alerts")
        except ValueError as error:
            raise Refused(503, str(error)) from error
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if not hmac.compare_digest(given.encode(), f"{BEARER}{token}".encode()):
            raise Refused(401, "the bearer token is missing or wrong")


async def _body(receive: Receive) -> bytes:
    try:
        return await read_body(receive, BODY_BYTES_MAX)
    except Refused as refused:
        if refused.status != _TOO_LARGE:
            raise
        remedy = "set max_alerts in the Alertmanager's webhook_config"
        raise Refused(refused.status, f"{refused.reason}: {remedy}") from None
