from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from support.kruise_rollouts import folded
from support.saga import ROUTE, Saga, request, step

from tidegate_contracts.controls import Approve, Cancel, Control, RollBack
from tidegate_contracts.rollout import Pause, RolloutRequested

TO_NEW, TO_STABLE = "FinalisingStepRouteTrafficToNew", "FinalisingStepRouteTrafficToStable"
SERVICE, RESUME, RELEASE, END = "RestoreStableService", "ResumeWorkload", "ReleaseWorkloadControl", "END"
ROUTED: dict[str, Any] = {"traffic": (ROUTE,)}
BACK = RollBack(by="ann", reason="too slow")
IN_BATCHES = RollBack(by="ann", reason="too slow", pace="in_batches")


def begun(**fields: Any) -> Saga:
    saga = Saga()
    saga.ask(asked("g-1", **fields))
    return saga


def asked(rollout: str, **fields: Any) -> RolloutRequested:
    """With a share of the traffic in each step, where there is a route."""
    shares = (20, 50, 100) if "traffic" in fields else (None, None, None)
    steps = [step(f"{size}%", share, pause=Pause()) for size, share in zip((20, 50, 100), shares, strict=True)]
    return request(*steps, rollout=rollout, **fields)


def words(saga: Saga) -> list[str]:
    """What the status says, from here to the end of the newest rollout, as it is seen between two answers."""
    return [word for word, _ in groupby(_words(saga)) if word]


def _words(saga: Saga) -> Iterator[str]:
    while True:
        yield folded(saga.history).finalising
        if saga.rollout.ended:
            return
        onward(saga)


def onward(saga: Saga) -> None:
    if saga.is_asked:
        saga.answer()
    else:
        saga.tell(Approve())


def at_the_second_step(**fields: Any) -> Saga:
    saga = begun(**fields)
    while folded(saga.history).step < 2:
        onward(saga)
    return saga


@pytest.mark.parametrize(
    ("fields", "seen"),
    [
        ({}, [RESUME, END]),
        ({"strategy": "canary"}, [RESUME, RELEASE, END]),
        ({"strategy": "blue_green"}, [RESUME, RELEASE, END]),
        (ROUTED, [SERVICE, RESUME, END]),
        (ROUTED | {"strategy": "canary"}, [RESUME, SERVICE, RELEASE, END]),
        (ROUTED | {"strategy": "blue_green"}, [RESUME, SERVICE, RELEASE, END]),
    ],
)
def test_a_good_end(fields: dict[str, Any], seen: list[str]) -> None:
    assert words(begun(**fields)) == seen


def test_the_last_step_of_a_blue_green_release_that_nobody_wrote_gives_the_new_pods_all_traffic() -> None:
    saga = Saga()
    saga.ask(request(step("100%", 50), rollout="g-1", strategy="blue_green", **ROUTED))
    assert words(saga) == [TO_NEW, RESUME, SERVICE, RELEASE, END]


@pytest.mark.parametrize(
    ("fields", "ending", "seen"),
    [
        ({}, BACK, [RESUME, END]),
        (ROUTED, BACK, [TO_STABLE, RESUME, SERVICE, END]),
        (ROUTED | {"strategy": "canary"}, BACK, [TO_STABLE, RESUME, SERVICE, END]),
        (ROUTED | {"strategy": "blue_green"}, BACK, [TO_STABLE, RESUME, SERVICE, END]),
        (ROUTED, IN_BATCHES, [TO_STABLE, RESUME, SERVICE, END]),
        ({}, Cancel(by="ann", reason="deleted"), [RESUME, END]),
        (ROUTED, Cancel(by="ann", reason="deleted"), [SERVICE, RESUME, END]),
        (ROUTED | {"strategy": "blue_green"}, Cancel(by="ann", reason="deleted"), [SERVICE, RESUME, END]),
    ],
)
def test_an_end_in_the_midst(fields: dict[str, Any], ending: Control, seen: list[str]) -> None:
    saga = at_the_second_step(**fields)
    saga.tell(ending)
    assert words(saga) == seen


def test_a_promotion_that_is_turned_back_gives_the_route_back_first() -> None:
    saga = begun(strategy="blue_green", **ROUTED)
    while folded(saga.history).finalising != RESUME:
        onward(saga)
    saga.tell(BACK)
    assert words(saga) == [SERVICE, RESUME, END]


@pytest.mark.parametrize(
    ("fields", "style", "seen"),
    [
        ({}, "partition", []),
        (ROUTED, "partition", [TO_STABLE]),
        ({}, "canary", [RELEASE]),
        (ROUTED, "canary", [TO_STABLE, RELEASE]),
    ],
)
def test_a_further_version_has_the_former_one_given_back(fields: dict[str, Any], style: str, seen: list[str]) -> None:
    """Nothing of that is left in the status once its own steps begin."""
    saga = at_the_second_step(**fields)
    saga.ask(asked("g-2", strategy=style, **fields))
    said = [folded(saga.history).finalising]
    while folded(saga.history).stage == "initializing":
        saga.answer()
        said.append(folded(saga.history).finalising)
    assert [word for word, _ in groupby(said)] == [*seen, ""]
