"""Writes of a starting sandbox whose answers are lost are repeated: again is right, whether they were done or not."""

from typing import Any

import pytest

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.parts.api_server_client import ApiServerClient, Manifest
from tidegate_sandbox.supervisor.steps import NotReadyError

NAMESPACE: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


class Scripted(ApiServerClient):
    """Answers writes as told: a status, or none at all."""

    def __init__(self, *answers: int | None) -> None:
        self._answers = list(answers)
        self._paths = {("v1", "Namespace"): ("namespaces", False)}
        self.writes: list[str] = []

    async def _request(
        self, method: str, path: str, body: Manifest | None = None, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        del body, content_type  # What is written does not matter here.
        self.writes.append(f"{method} {path.partition('?')[0]}")
        status = self._answers.pop(0)
        if status is None:
            raise NotReadyError
        return status, {"message": "no"}


async def test_a_creation_without_an_answer_is_repeated_and_may_have_been_done() -> None:
    server = Scripted(None, 409)
    await server.create_all([NAMESPACE])
    assert server.writes == ["POST /api/v1/namespaces"] * 2


async def test_an_apply_without_an_answer_is_repeated() -> None:
    server = Scripted(None, 200)
    await server.apply_all([NAMESPACE])
    assert server.writes == ["PATCH /api/v1/namespaces/shop"] * 2


async def test_a_refusal_is_not_repeated() -> None:
    server = Scripted(422)
    with pytest.raises(SandboxError, match="refuses to create Namespace shop: 422 no"):
        await server.create_all([NAMESPACE])
