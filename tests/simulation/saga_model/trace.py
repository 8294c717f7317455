"""One seed, event by event, for whoever wants to see why an invariant broke: `python tests/simulation/run.py
--seed N`.
"""

import sys
from typing import Any

import msgspec

from saga_model.schedule import Schedule

UNINTERESTING = frozenset(("request", "plan", "counts", "measurements", "at_s", "cause", "active", "problem"))


def main(seed: int) -> int:
    schedule = Schedule(seed)
    sys.stdout.write(f"seed {seed}: {schedule.options}\n")
    _spy(schedule, schedule.auditor, "take", _event)
    _spy(schedule, schedule.bus, "order", _order)
    for name in (
        "add_pods",
        "remove_extra",
        "remove_pods",
        "set_ready",
        "shift",
        "release_route",
        "scale",
        "delete",
        "degrade",
    ):
        _spy(schedule, schedule.world, name, lambda *arguments, name=name: f"{name} {_plain(arguments)}")
    result = schedule.run()
    sys.stdout.write(f"{result}\n")
    return int(bool(result.violation))


def _spy(schedule: Schedule, thing: Any, name: str, tell: Any) -> None:
    real = getattr(thing, name)

    def spy(*arguments: Any) -> Any:
        world, begun_s = schedule.world, 1000.0
        route = f"{world.route.weight} %" if world.route.ours else "own"
        when = f"{schedule.engine.now_s - begun_s:9.3f}"
        sys.stdout.write(f"{when} {tell(*arguments)}   [pods {world.pods} ready {world.ready} route {route}]\n")
        return real(*arguments)

    setattr(thing, name, spy)


def _event(event: Any) -> str:
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(event).items()
        if name not in UNINTERESTING and value not in (None, "", (), False)
    }
    return f"{type(event).__name__} {fields}"


def _order(_: int, order: Any) -> str:
    told = {name: getattr(order, name, None) for name in ("revision", "step", "weight_percent", "mode", "settle")}
    return f"-> {type(order).__name__} { ({name: value for name, value in told.items() if value is not None}) }"


def _plain(arguments: tuple[Any, ...]) -> str:
    return " ".join(str(value) if isinstance(value, str | int | float) else type(value).__name__ for value in arguments)
