from collections.abc import MutableMapping
from functools import partial
from typing import Any

import pytest

from tidegate_chassis.health import Health


async def ask(health: Health, path: str, method: str = "GET") -> tuple[int, str]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await health.application({"type": "http", "method": method, "path": path}, receive, send)
    return sent[0]["status"], sent[1]["body"].decode()


async def test_a_process_that_answers_is_alive_even_when_it_is_not_ready() -> None:
    health = Health()
    health.check("bus", lambda: "not connected")
    assert await ask(health, "/livez") == (200, "alive\n")
    assert await ask(health, "/readyz") == (503, "bus: not connected\n")


async def test_readiness_names_everything_that_is_missing_and_only_that() -> None:
    problems: dict[str, str | None] = {"bus": None, "cluster": "no list yet", "orders": "waiting"}
    health = Health()
    for name in ("bus", "cluster", "orders"):
        health.check(name, partial(problems.get, name))
    assert await ask(health, "/readyz") == (503, "cluster: no list yet\norders: waiting\n")
    problems.update(cluster=None, orders=None)
    assert await ask(health, "/readyz") == (200, "ready\n")


async def test_metrics_are_served_in_prometheus_format() -> None:
    status, body = await ask(Health(), "/metrics")
    assert status == 200
    assert "# TYPE tidegate_orders_held gauge" in body


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", "/livez", 405)])
async def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    assert (await ask(Health(), path, method))[0] == status


def test_two_checks_of_one_name_are_refused() -> None:
    health = Health()
    health.check("bus", lambda: None)
    with pytest.raises(ValueError, match="already"):
        health.check("bus", lambda: None)
