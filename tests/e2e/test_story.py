"""The README run whole: a good version rolls out, a bad one goes back, and outsiders saw every promise kept."""

from pathlib import Path

import pytest

from tidegate_demo import story, summary
from tidegate_demo.scenario import kubectl, prepared
from tidegate_demo.stack import running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]


async def test_a_good_version_rolls_out_and_a_bad_one_goes_back_with_every_promise_kept(
    own_sandbox: SandboxState, tmp_path: Path
) -> None:
    async with running_stack(own_sandbox) as stack, prepared(own_sandbox, tmp_path / "load.jsonl") as world:
        route_before = await kubectl(own_sandbox, "get", "httproute", "web", "-o", "jsonpath={.spec}")
        service_before = await kubectl(own_sandbox, "get", "service", "web", "-o", "jsonpath={.spec}")
        outcome = await story.tell(world)
        assert [promise for promise in outcome.promises if not promise.kept] == []
        assert await kubectl(own_sandbox, "get", "httproute", "web", "-o", "jsonpath={.spec}") == route_before
        assert await kubectl(own_sandbox, "get", "service", "web", "-o", "jsonpath={.spec}") == service_before
        assert "tidegate.io" not in await kubectl(
            own_sandbox, "get", "httproute,service,deployment", "-o", "jsonpath={.items[*].metadata}"
        )
        assert all(service.running for name in stack.names for service in stack.copies(name))
        assert summary.render(outcome) is not None
