"""A guarded workload is changed as always, with kubectl alone: its change is held at admission, and rolled out.

The webhook is the shipped configuration, served by the workload-controller as it is shipped, asked by a real API
server. What is seen is the world: pods, the workload as it stands, and the events that anybody can read.
"""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Container
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from support.certificates import Authority
from support.kinds import DAEMON_SET, DEPLOYMENT, IMAGE, STATEFUL_SET
from support.nats import free_port

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import (
    PauseStarted,
    RolloutAccepted,
    RolloutCancelled,
    RolloutCompleted,
    RolloutRolledBack,
    RolloutSuperseded,
)
from tidegate_demo.journal import Listener, listening, terminal
from tidegate_demo.scenario import kubectl
from tidegate_demo.stack import Stack, running_stack
from tidegate_sandbox.state import SandboxState

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
WEBHOOK = Path(__file__).parents[2] / "deploy/kubernetes/webhooks/hold.yaml"
EXAMPLE = WEBHOOK.parents[2] / "examples/11-guard/guard.yaml"
KINDS = {"deployment": DEPLOYMENT, "statefulset": STATEFUL_SET, "daemonset": DAEMON_SET}
REPLICAS = 4
WITHIN_S = 10.0
LATE_WITHIN_S = 1.0


class Guarded:
    """The sandbox with everything up, and the webhook that may be switched off."""

    def __init__(self, state: SandboxState, stack: Stack, listener: Listener, configuration: Path) -> None:
        self.state = state
        self.stack = stack
        self.listener = listener
        self._configuration = configuration

    async def switch(self, *, on: bool) -> None:
        await kubectl(self.state, "apply" if on else "delete", "-f", str(self._configuration))

    async def tidegate(self, *arguments: str, given: str = "") -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tidegate_cli", *arguments),
            env={
                **os.environ,
                "TIDEGATE_NATS_URL": self.state.nats_url,
                "TIDEGATE_NATS_USER": "operator",
                "TIDEGATE_NATS_PASSWORD": self.state.nats_passwords["operator"],
            },
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(given.encode())
        assert process.returncode == 0, output.decode()
        return output.decode()

    async def read(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await kubectl(self.state, "get", kind, name, "-o", "json"))
        return found

    async def tags(self, name: str) -> list[str]:
        """Which versions run, a pod each."""
        found = json.loads(await kubectl(self.state, "get", "pods", "-l", f"app={name}", "-o", "json"))
        staying = [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]
        return sorted(pod["spec"]["containers"][0]["image"].partition(":v")[2][:1] for pod in staying)

    async def until(
        self,
        kind: type[AnyEvent],
        name: str,
        *,
        besides: Container[str] = (),
        where: Callable[[Any], bool] = lambda _: True,
    ) -> Any:
        """The first such event of a rollout of the workload that isn't one of `besides`."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for event in self.listener.events:
                    if isinstance(event, RolloutAccepted) and event.request.workload.name == name:
                        found = [each for each in self.listener.of(event.rollout) if isinstance(each, kind)]
                        found = [each for each in found if where(each) and each.rollout not in besides]
                        if found:
                            return found[0]
                await self.listener.heard()

    async def guarded(self, kind: str, name: str) -> None:
        """Until the guard has reached the workload."""
        label = r"{.metadata.labels.tidegate\.io/guarded}"
        await kubectl(self.state, "wait", kind, name, f"--for=jsonpath={label}", f"--timeout={WITHIN_S:g}s")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(own_sandbox: SandboxState, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    directory = tmp_path_factory.mktemp("webhook")
    authority, port = Authority(), free_port()
    files = authority.serve(directory)
    configuration = next(yaml.safe_load_all(WEBHOOK.read_text(encoding="utf-8")))
    for webhook in configuration["webhooks"]:
        path = webhook["clientConfig"]["service"]["path"]
        bundle = base64.b64encode(authority.bundle).decode()
        webhook["clientConfig"] = {"url": f"https://127.0.0.1:{port}{path}", "caBundle": bundle}
    written = directory / "webhook.yaml"
    written.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    environment = {
        "TIDEGATE_WEBHOOK_PORT": str(port),
        "TIDEGATE_WEBHOOK_CERTIFICATE_FILE": str(files.certificate),
        "TIDEGATE_WEBHOOK_KEY_FILE": str(files.key),
    }
    async with running_stack(own_sandbox, environment) as stack, listening(own_sandbox) as listener:
        made = Guarded(own_sandbox, stack, listener, written)
        await made.switch(on=True)
        yield made


async def _make(world: Guarded, kind: str, name: str, tmp_path: Path, **request: Any) -> dict[str, Any]:
    """A workload of version 1, whole and guarded; as it stands then."""
    given = tmp_path / f"{name}.yaml"
    given.write_text(yaml.safe_dump(KINDS[kind].manifest(name, replicas=REPLICAS, tag="v1_ready-0.3")), "utf-8")
    await kubectl(world.state, "apply", "-f", str(given))
    await kubectl(world.state, "rollout", "status", f"{kind}/{name}", "--timeout=60s")
    body = {
        "workload": {"name": name, "kind": KINDS[kind].resource.kind},
        "steps": [{"replicas": "50%", "pause": {}}, {"replicas": "100%"}],
        **request,
    }
    await world.tidegate("guard", "-f", "-", given=json.dumps(body))
    await world.guarded(kind, name)
    return await world.read(kind, name)


def own_values(workload: dict[str, Any]) -> dict[str, Any]:
    """All that its user wrote, the template apart."""
    return {name: value for name, value in workload["spec"].items() if name != "template"}


async def _set_image(world: Guarded, kind: str, name: str, version: int) -> None:
    await kubectl(world.state, "set", "image", f"{kind}/{name}", f"app={IMAGE}:v{version}_ready-0.3")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_is_held_and_rolled_out_in_the_guards_steps(world: Guarded, kind: str, tmp_path: Path) -> None:
    name = f"{kind}-forward"
    before = await _make(world, kind, name, tmp_path)
    await _set_image(world, kind, name, 2)
    paused = await world.until(PauseStarted, name)
    tags = await world.tags(name)
    assert tags.count("2") == -(-len(tags) // 2)
    accepted = await world.until(RolloutAccepted, name)
    assert "kubectl" in accepted.request.reason
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, name)
    await kubectl(world.state, "rollout", "status", f"{kind}/{name}", "--timeout=60s")
    after = await world.read(kind, name)
    assert own_values(after) == own_values(before)
    assert "tidegate.io" not in json.dumps(after["metadata"].get("annotations", {}))
    assert set(await world.tags(name)) == {"2"}


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
async def test_in_the_other_styles_too(world: Guarded, strategy: str, tmp_path: Path) -> None:
    name = strategy.replace("_", "-")
    before = await _make(world, "deployment", name, tmp_path, strategy=strategy)
    await _set_image(world, "deployment", name, 2)
    paused = await world.until(PauseStarted, name)
    assert (await world.tags(name)).count("1") == REPLICAS
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, name)
    assert own_values(await world.read("deployment", name)) == own_values(before)
    assert set(await world.tags(name)) == {"2"}


async def test_a_version_that_fails_goes_back_by_itself_and_is_not_tried_again(world: Guarded, tmp_path: Path) -> None:
    name = "failing"
    before = await _make(world, "deployment", name, tmp_path, deadlines={"progress_s": 2})
    await kubectl(world.state, "set", "image", f"deployment/{name}", f"app={IMAGE}:v2_ready-never")
    ended = await world.until(RolloutRolledBack, name)
    await kubectl(world.state, "rollout", "status", f"deployment/{name}", "--timeout=60s")
    assert own_values(await world.read("deployment", name)) == own_values(before)
    await _is_left_alone(world, name, ended.rollout)


async def test_what_is_cancelled_goes_on_natively_and_is_not_held_again(world: Guarded, tmp_path: Path) -> None:
    name = "cancelled"
    before = await _make(world, "deployment", name, tmp_path)
    await _set_image(world, "deployment", name, 2)
    paused = await world.until(PauseStarted, name)
    await world.tidegate("cancel", paused.rollout)
    await world.until(RolloutCancelled, name)
    await kubectl(world.state, "rollout", "status", f"deployment/{name}", "--timeout=60s")
    assert own_values(await world.read("deployment", name)) == own_values(before)
    assert set(await world.tags(name)) == {"2"}
    await _is_left_alone(world, name, paused.rollout)


async def _is_left_alone(world: Guarded, name: str, rollout: str) -> None:
    """The next change is the next rollout: there was none between."""
    await _set_image(world, "deployment", name, 3)
    following = await world.until(RolloutAccepted, name, besides={rollout})
    assert following.supersedes is None
    accepted = [each for each in world.listener.events if isinstance(each, RolloutAccepted)]
    assert [each.rollout for each in accepted if each.request.workload.name == name] == [rollout, following.rollout]
    assert "held late" not in following.request.reason


async def test_an_object_that_is_replaced_whole_stays_held(world: Guarded, tmp_path: Path) -> None:
    """Who replaces an object drops every annotation that its manifest doesn't have."""
    name = "replaced"
    before = await _make(world, "deployment", name, tmp_path)
    await _set_image(world, "deployment", name, 2)
    second = await world.until(PauseStarted, name)
    given = tmp_path / "third.yaml"
    given.write_text(yaml.safe_dump(DEPLOYMENT.manifest(name, replicas=REPLICAS, tag="v3_ready-0.3")), "utf-8")
    await kubectl(world.state, "replace", "-f", str(given))
    third = await world.until(PauseStarted, name, besides={second.rollout})
    tags = await world.tags(name)
    assert (tags.count("1"), tags.count("3")) == (REPLICAS // 2, REPLICAS // 2)
    await world.tidegate("approve", third.rollout)
    await world.until(RolloutCompleted, name)
    assert own_values(await world.read("deployment", name)) == own_values(before)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_old_template_again_is_the_rollouts_end(world: Guarded, kind: str, tmp_path: Path) -> None:
    name = f"{kind}-back"
    before = await _make(world, kind, name, tmp_path)
    await _set_image(world, kind, name, 2)
    await world.until(PauseStarted, name)
    await _set_image(world, kind, name, 1)
    await world.until(RolloutRolledBack, name)
    await kubectl(world.state, "rollout", "status", f"{kind}/{name}", "--timeout=60s")
    assert own_values(await world.read(kind, name)) == own_values(before)
    assert set(await world.tags(name)) == {"1"}


async def test_a_further_version_supersedes(world: Guarded, tmp_path: Path) -> None:
    name = "further"
    await _make(world, "deployment", name, tmp_path)
    await _set_image(world, "deployment", name, 2)
    second = await world.until(PauseStarted, name)
    await _set_image(world, "deployment", name, 3)
    third = await world.until(PauseStarted, name, besides={second.rollout})
    assert isinstance(terminal(world.listener.of(second.rollout)), RolloutSuperseded)
    tags = await world.tags(name)
    assert (tags.count("1"), tags.count("3")) == (REPLICAS // 2, REPLICAS // 2)
    await world.tidegate("approve", third.rollout)
    await world.until(RolloutCompleted, name)
    assert set(await world.tags(name)) == {"3"}


async def test_the_example(world: Guarded, tmp_path: Path) -> None:
    given = tmp_path / "web.yaml"
    given.write_text(yaml.safe_dump(DEPLOYMENT.manifest("web", replicas=REPLICAS, tag="v1_ready-0.3")), "utf-8")
    await kubectl(world.state, "apply", "-f", str(given))
    await kubectl(world.state, "rollout", "status", "deployment/web", "--timeout=60s")
    await world.tidegate("guard", "-f", str(EXAMPLE))
    await world.guarded("deployment", "web")
    await _set_image(world, "deployment", "web", 2)
    paused = await world.until(PauseStarted, "web", where=lambda event: event.step == 2)
    await world.tidegate("approve", paused.rollout)
    await world.until(RolloutCompleted, "web")
    assert set(await world.tags("web")) == {"2"}


async def test_nothing_but_the_template_is_held(world: Guarded, tmp_path: Path) -> None:
    name = "scaled"
    before = await _make(world, "deployment", name, tmp_path)
    await kubectl(world.state, "scale", f"deployment/{name}", f"--replicas={REPLICAS + 1}")
    await kubectl(world.state, "annotate", f"deployment/{name}", "owner=somebody")
    await kubectl(world.state, "patch", "deployment", name, "-p", '{"spec": {"minReadySeconds": 1}}')
    await kubectl(world.state, "rollout", "status", f"deployment/{name}", "--timeout=60s")
    after = await world.read("deployment", name)
    assert own_values(after) == {**own_values(before), "replicas": REPLICAS + 1, "minReadySeconds": 1}
    assert "tidegate.io" not in json.dumps(after["metadata"]["annotations"])


async def test_a_change_that_slipped_past_is_held_late(world: Guarded, tmp_path: Path) -> None:
    name = "slipped"
    await _make(world, "deployment", name, tmp_path)
    await world.switch(on=False)
    try:
        await _set_image(world, "deployment", name, 2)
        began_s = time.time()
        accepted = await world.until(RolloutAccepted, name)
    finally:
        await world.switch(on=True)
    assert accepted.at_s - began_s < LATE_WITHIN_S
    assert "held late" in accepted.request.reason
    await world.until(PauseStarted, name)
    tags = await world.tags(name)
    assert tags.count("2") == REPLICAS // 2


async def test_a_guard_that_is_removed_leaves_nothing(world: Guarded, tmp_path: Path) -> None:
    name = "left"
    await _make(world, "deployment", name, tmp_path)
    assert name in await world.tidegate("guards")
    await world.tidegate("unguard", name)
    async with asyncio.timeout(WITHIN_S):
        while "tidegate.io" in json.dumps(await world.read("deployment", name)):  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.05)
    assert name not in await world.tidegate("guards")
    await _set_image(world, "deployment", name, 2)
    await kubectl(world.state, "rollout", "status", f"deployment/{name}", "--timeout=60s")
    assert set(await world.tags(name)) == {"2"}


async def test_with_every_copy_away_the_workload_is_still_anybodys_to_write(world: Guarded, tmp_path: Path) -> None:
    name = "unattended"
    await _make(world, "deployment", name, tmp_path)
    await world.stack["workload-controller"].kill()
    try:
        await _set_image(world, "deployment", name, 2)
        await kubectl(world.state, "rollout", "status", f"deployment/{name}", "--timeout=60s")
    finally:
        await world.stack.restart("workload-controller")
    assert set(await world.tags(name)) == {"2"}
