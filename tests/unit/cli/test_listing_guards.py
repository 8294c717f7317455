"""What stands on the guards' subjects, as the list reads it: whoever may write there may write anything."""

from types import SimpleNamespace
from typing import cast

import pytest
from nats.aio.msg import Msg

from tidegate_cli.commands.guarding import _read
from tidegate_contracts import subjects
from tidegate_contracts.codec import encode
from tidegate_contracts.guards import Guard, GuardRemoved, GuardSet
from tidegate_contracts.rollout import RolloutRequested, Step
from tidegate_contracts.workload import WorkloadKey, WorkloadReference

WEB = WorkloadReference(name="web")
KEY = WorkloadKey.of("default", "shop", WEB)
SET = GuardSet(request=RolloutRequested(workload=WEB, steps=(Step(replicas="20%"),)))


def stored(guard: Guard | bytes, subject: str = subjects.guard(KEY)) -> Msg:
    data = guard if isinstance(guard, bytes) else encode(guard)
    return cast("Msg", SimpleNamespace(headers={"Nats-Subject": subject}, data=data))


def test_a_guard_that_stands_is_listed() -> None:
    assert _read(stored(SET)) == (KEY, SET)


@pytest.mark.parametrize(
    "message",
    [stored(GuardRemoved(workload=WEB)), stored(b"{"), stored(SET, "tidegate.guards.default.shop.deployment_apps.We-")],
    ids=["removed", "no guard", "a subject of no workload"],
)
def test_what_is_none_is_left_out(message: Msg) -> None:
    assert _read(message) is None
