"""The demo's story: the good version rolls out, then the bad one goes back, and what became of each promise.

`tell` runs it on a world that is up (see `scenario`) and returns an `Outcome`; `__main__` shows it live, the end-to-end
test asserts on it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tidegate_contracts.codec import AnyEvent
from tidegate_contracts.decisions import RolloutCompleted, RolloutRolledBack
from tidegate_contracts.facts import TrafficShifted
from tidegate_demo import promises
from tidegate_demo.journal import step_durations_s, terminal, verdict_to_safe_s
from tidegate_demo.observer import Sample
from tidegate_demo.promises import Promise
from tidegate_demo.scenario import AVAILABLE_MINIMUM, IMAGES, REPLICAS, World
from tidegate_sandbox.load.tally import Summary

ROLLOUT_TIMEOUT_S: Final = 240.0
SAFE_TO_REACH_S: Final = 1.0


class Outcome(NamedTuple):
    promises: Sequence[Promise]
    load: Summary
    step_durations_s: dict[int, float]
    verdict_to_safe_s: float | None

    @property
    def kept(self) -> bool:
        return all(promise.kept for promise in self.promises)


async def tell(world: World) -> Outcome:
    """Both rollouts, one after the other, and the load stopped at the end."""
    good = await world.ended(await world.publish("v2"), ROLLOUT_TIMEOUT_S)
    after_good = await world.observer.next_sample()
    bad = await world.ended(await world.publish("v3"), ROLLOUT_TIMEOUT_S)
    after_bad = await world.observer.next_sample()
    load = await world.load.stop()
    return Outcome(
        promises=[
            *_ends(good, bad),
            promises.whole(after_good, IMAGES["v2"], REPLICAS)._replace(text="v2 is everywhere after its rollout"),
            promises.whole(after_bad, IMAGES["v2"], REPLICAS)._replace(text="v2 is whole again after v3 went back"),
            promises.nothing_lost(load),
            *_limits(world.observer.samples, good, bad),
            promises.silent_after(world.load.windows, "v3", _safe_at_s(bad)),
        ],
        load=load,
        step_durations_s=step_durations_s(good),
        verdict_to_safe_s=verdict_to_safe_s(bad),
    )


def _ends(good: Sequence[AnyEvent], bad: Sequence[AnyEvent]) -> list[Promise]:
    ends = ((good, RolloutCompleted, "v2 completes"), (bad, RolloutRolledBack, "v3 goes back by itself"))
    return [
        Promise(text, isinstance(terminal(events), kind), type(terminal(events)).__name__)
        for events, kind, text in ends
    ]


def _limits(samples: Sequence[Sample], good: Sequence[AnyEvent], bad: Sequence[AnyEvent]) -> list[Promise]:
    return [
        promises.never_above_target(samples, good, IMAGES["v2"], REPLICAS),
        promises.never_above_target(samples, bad, IMAGES["v3"], REPLICAS),
        promises.always_available(samples, AVAILABLE_MINIMUM),
    ]


def _safe_at_s(events: Sequence[AnyEvent]) -> float:
    """When the proxy last accepted weight 0; the end of time where it never did."""
    shifts = [event for event in events if isinstance(event, TrafficShifted) and event.weight_percent == 0]
    return shifts[-1].accepted_at_s if shifts else float("inf")
