"""The webhook's door: who may post, what is too much, and that nothing is acknowledged that isn't stored."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate_chassis.errors import Transient
from tidegate_chassis.health import Health
from tidegate_contracts.verdicts import AlertNotified
from tidegate_metrics_analyzer import alert_webhook
from tidegate_metrics_analyzer.alert_webhook import PATH, AlertWebhook

TOKEN = "token-of-the-webhook"
ALERT = {"status": "firing", "labels": {"alertname": "E", "namespace": "shop"}, "fingerprint": "f"}
BODY = json.dumps({"version": "4", "alerts": [{**ALERT, "startsAt": "2026-11-28T15:00:00Z"}]}).encode()


class Bus:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.down = False

    async def alert(self, cluster: str, namespace: str, alert: AlertNotified) -> None:
        if self.down:
            raise Transient("no bus")
        self.told.append((cluster, namespace, alert.fingerprint))


class Door:
    """The health page with the webhook, called as uvicorn calls it."""

    def __init__(self, directory: Path) -> None:
        self.bus = Bus()
        self.token_file = directory / "token"
        self.token_file.write_text(f"{TOKEN}\n")
        self.health = Health()
        webhook = AlertWebhook(self.bus, "default", self.token_file, "namespace")
        self.health.serve(PATH, webhook.application)

    async def call(
        self, *chunks: bytes, method: str = "POST", path: str = PATH, authorization: str = f"Bearer {TOKEN}"
    ) -> tuple[int, Any]:
        incoming = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        incoming.append({"type": "http.request", "body": b"", "more_body": False})
        outgoing: list[Any] = []

        async def receive() -> Any:
            return incoming.pop(0)

        async def send(message: Any) -> None:
            outgoing.append(message)

        headers = [(b"authorization", authorization.encode())] if authorization else []
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        await self.health.application(scope, receive, send)
        return outgoing[0]["status"], outgoing[1]["body"]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


async def test_a_notification_is_stored_and_then_acknowledged(door: Door) -> None:
    status, body = await door.call(BODY[:20], BODY[20:])
    assert (status, json.loads(body)) == (200, {"taken": 1, "left_out": 0, "reasons": []})
    assert door.bus.told == [("default", "shop", "f")]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer tök"])
async def test_without_the_token_nothing_is_taken(door: Door, authorization: str) -> None:
    status, body = await door.call(BODY, authorization=authorization)
    assert (status, door.bus.told) == (401, [])
    assert TOKEN not in body.decode()


async def test_the_token_can_be_rotated(door: Door) -> None:
    door.token_file.write_text("another-token")
    assert (await door.call(BODY))[0] == 401
    assert (await door.call(BODY, authorization="Bearer another-token"))[0] == 200
    door.token_file.unlink()
    assert (await door.call(BODY, authorization="Bearer "))[0] == 503


async def test_what_is_not_stored_is_asked_for_again(door: Door) -> None:
    door.bus.down = True
    status, body = await door.call(BODY)
    assert (status, json.loads(body)["error"]) == (503, "an alert could not be stored: no bus")
    door.bus.down = False
    assert (await door.call(BODY))[0] == 200


async def test_what_is_too_much_or_makes_no_sense_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await door.call(b"{}"))[0] == 400
    assert (await door.call(method="GET"))[0] == 405
    monkeypatch.setattr(alert_webhook, "BODY_BYTES_MAX", len(BODY) - 1)
    status, body = await door.call(BODY)
    assert (status, "set max_alerts" in json.loads(body)["error"]) == (413, True)
    assert door.bus.told == []


async def test_the_health_page_is_where_it_was(door: Door) -> None:
    assert (await door.call(method="GET", path="/livez", authorization=""))[0] == 200
    with pytest.raises(ValueError, match="served already"):
        door.health.serve("/livez", door.health.application)
