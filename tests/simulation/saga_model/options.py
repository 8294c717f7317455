"""What one seed is made of: its own subset and rates of faults ("swarm"), its requests, and what people do
meanwhile.
"""

from random import Random
from typing import Any, NamedTuple, get_args

from msgspec.structs import replace

from tidegate_contracts.controls import Approve, Cancel, Control, JumpToStep, Pause, Replan, Resume, Retry, RollBack
from tidegate_contracts.rollout import (
    Analysis,
    Bake,
    Change,
    Check,
    Deadlines,
    HttpMatch,
    RollbackPace,
    RolloutRequested,
    Step,
    StepTraffic,
    TrafficReference,
)
from tidegate_contracts.rollout import Pause as StepPause
from tidegate_contracts.workload import WorkloadReference

ANALYSIS = Analysis(checks=(Check(name="errors", query="errors", maximum=0.01),))
ROUTE = TrafficReference(route="web", service="web", grace_s=2.0)
OTHER_ROUTE = TrafficReference(route="shop", service="web", grace_s=1.0)
DEADLINES = Deadlines(progress_s=40.0, traffic_s=15.0, analysis_s=60.0)
REPLICAS = 10


class Faults(NamedTuple):
    """Rates of what the bus and the processes do to us; all of them end when the world heals."""

    crash: float = 0.0
    """Per point of a handler at which an orchestrator may die."""
    slow: float = 0.0
    """Per such point: the copy stops there for a while, and the other one goes on."""
    slow_s: float = 0.0
    duplicate: float = 0.0
    delay_s: float = 0.0
    stale: float = 0.0
    """Reads that miss the last events."""
    unknown: float = 0.0
    """Appends that are stored without the writer hearing of it."""
    lost_timer: float = 0.0
    worker_crash: float = 0.0
    """Per action of a holder."""
    zombie: float = 0.0
    """Of those crashes: the holder is only cut off, and goes on for a while."""


class Options(NamedTuple):
    faults: Faults
    requests: tuple[tuple[float, RolloutRequested], ...]
    controls: tuple[tuple[float, Control], ...]
    bad_from_step: int
    """From this step on the first new version fails its analysis; 0: never."""
    failing: frozenset[str]
    """Revisions whose pods never get ready."""
    inconclusive: float
    refused: float
    """Traffic orders that are refused once."""
    refused_workloads: frozenset[str]
    """Rollouts whose change can't be made."""
    surge: bool
    settles_late: bool
    weak: bool
    """Whether one pod of the first new version gets ready only when the world heals."""
    degrade_at_s: float
    scale_at_s: float
    edit_at_s: float
    delete_at_s: float
    heal_at_s: float

    @property
    def calm(self) -> bool:
        return self.faults == Faults()


def draw(random: Random, *, paces: Random) -> Options:
    options = _draw(random)
    requests = tuple((at_s, replace(request, rollback=_pace(paces))) for at_s, request in options.requests)
    controls = [(at_s, _paced(control, paces)) for at_s, control in options.controls]
    while paces.random() < _REPLANS:
        begun_s, request = paces.choice(requests)
        controls.append((begun_s + paces.random() * 20.0, _replan(paces, request)))
    if paces.random() < _JUMPS:
        begun_s, _ = paces.choice(requests)
        controls.append((begun_s + paces.random() * 30.0, JumpToStep(step=paces.choice((1, 2, 3)), by="ann")))
    if paces.random() < _FIRST_PAUSES:
        requests = tuple((at_s, replace(request, paused_because="it failed before")) for at_s, request in requests)
    if options.inconclusive:
        requests = tuple((at_s, _answering(paces, request)) for at_s, request in requests)
    if paces.random() < _BAKES:
        requests = tuple((at_s, replace(request, bake=_bake(paces))) for at_s, request in requests)
        controls = [(at_s, _rebaked(control, paces)) for at_s, control in controls]
    if paces.random() < _UNORDERED:
        requests = tuple((at_s, _unordered(request, paces)) for at_s, request in requests)
    if paces.random() < _LATE_WATCHES:
        requests = tuple((at_s, _watched_late(request, paces)) for at_s, request in requests)
        controls = [(at_s, _rewatched(control, paces)) for at_s, control in controls]
    return options._replace(requests=requests, controls=tuple(controls))


def _watched_late(request: RolloutRequested, paces: Random) -> RolloutRequested:
    """In the background from any of its steps on."""
    first = paces.randint(1, len(request.steps))
    return request if request.analysis is None else replace(request, analysis_from_step=first)


def _rewatched(control: Control, paces: Random) -> Control:
    if not isinstance(control, Replan):
        return control
    return replace(control, request=_watched_late(control.request, paces))


def _unordered(request: RolloutRequested, paces: Random) -> RolloutRequested:
    """Shares that rise and fall, but for what follows one of 100 % in the style partition."""
    if not request.traffic:
        return request
    steps, whole = [], False
    for step in request.steps:
        whole = whole or (request.strategy == "partition" and step.replicas == "100%")
        traffic = _share(100 if whole else paces.choice((None, 0, 20, 50, 80)))
        steps.append(replace(step, traffic=traffic))
    return replace(request, steps=tuple(steps))


def _bake(paces: Random) -> Bake | None:
    """None: only another request has one, or only another plan."""
    duration_s = paces.choice((None, 3.0, 10.0, 30.0))
    return Bake(duration_s=duration_s, analysis=paces.choice((None, ANALYSIS, ANALYSIS))) if duration_s else None


def _rebaked(control: Control, paces: Random) -> Control:
    if not isinstance(control, Replan):
        return control
    return replace(control, request=replace(control.request, bake=_bake(paces)))


def _answering(paces: Random, request: RolloutRequested) -> RolloutRequested:
    """Where analyses may be inconclusive, they say what comes of that."""
    goes_back = {"on_inconclusive": "roll_back", "answer_within_s": paces.choice((0.0, 5.0, 30.0))}
    said = paces.choice(({}, goes_back))
    once_more = {"extend_once": paces.random() < 0.5}
    steps = tuple(replace(step, analysis=_with(step.analysis, said | once_more)) for step in request.steps)
    return replace(request, steps=steps, analysis=_with(request.analysis, said))


def _with(analysis: Analysis | None, fields: dict[str, Any]) -> Analysis | None:
    return replace(analysis, **fields) if analysis is not None else None


def _pace(paces: Random) -> RollbackPace:
    return paces.choice(_PACES)


def _paced(control: Control, paces: Random) -> Control:
    if not isinstance(control, RollBack) or paces.random() < 0.5:
        return control
    return replace(control, pace=_pace(paces))


def _draw(random: Random) -> Options:
    chance = random.random
    requests = [(0.0, _request(random, "v2"))]
    if chance() < 0.35:
        requests.append((chance() * 25.0, _request(random, "v3")))
        if chance() < 0.3:
            requests.append((requests[-1][0] + chance() * chance() * 10.0, _request(random, "v4")))
    controls = _controls(random, requests[-1][0]) if chance() < 0.45 else []
    rare = chance()
    return Options(
        faults=_faults(random),
        requests=tuple(requests),
        controls=tuple(controls),
        bad_from_step=random.choice((1, 2)) if chance() < 0.25 else 0,
        failing=frozenset(("v2",)) if chance() < 0.06 else frozenset(),
        inconclusive=0.3 if chance() < 0.1 else 0.0,
        refused=0.4 if chance() < 0.08 else 0.0,
        refused_workloads=frozenset((random.choice(("r-2", "r-3")),)) if chance() < 0.06 else frozenset(),
        surge=chance() < 0.7,
        settles_late=chance() < 0.3,
        weak=chance() < 0.05,
        degrade_at_s=chance() * 25.0 if chance() < 0.12 else 0.0,
        scale_at_s=chance() * 15.0 if chance() < 0.1 else 0.0,
        edit_at_s=chance() * 20.0 if rare < 0.04 else 0.0,
        delete_at_s=chance() * 20.0 if 0.04 < rare < 0.08 else 0.0,
        heal_at_s=random.choice((40.0, 80.0, 160.0)),
    )


def _controls(random: Random, newest_s: float) -> list[tuple[float, Control]]:
    """Spread over time, or in a burst about the time of the last request; at times somebody insists."""
    chance = random.random
    if newest_s and chance() < 0.12:
        return [(max(newest_s - chance() * 2.0, 0.0), _way_out(random))]
    if chance() < 0.15:
        return _change_of_mind(random)
    begin_s, lasts_s = (newest_s, 4.0) if chance() < 0.3 else (0.0, 30.0)
    number = random.choice((1, 1, 2, 4))
    same = _control(random) if chance() < 0.3 else None
    return [(begin_s + chance() * lasts_s, same or _control(random)) for _ in range(number)]


def _way_out(random: Random) -> Control:
    """Shortly before a newer request: that one finds the older rollout on its way."""
    return RollBack(by="ann") if random.random() < 0.7 else Cancel(by="ann")


def _change_of_mind(random: Random) -> list[tuple[float, Control]]:
    """Out, and then back after all, or the other way round, while the first is under way."""
    ways: list[Control] = [RollBack(by="ann"), Cancel(by="ann")]
    random.shuffle(ways)
    at_s = random.random() * 15.0
    return [(at_s + number * random.random() * 3.0, way) for number, way in enumerate(ways)]


def _faults(random: Random) -> Faults:
    chance, choice = random.random, random.choice
    if chance() < 0.25:
        return Faults()
    return Faults(
        crash=choice((0.0, 0.0, 0.03, 0.15)),
        slow=choice((0.0, 0.0, 0.1, 0.4)),
        slow_s=choice((0.05, 2.0, 15.0)),
        duplicate=choice((0.0, 0.0, 0.05, 0.3)),
        delay_s=choice((0.0, 0.05, 1.0, 12.0)),
        stale=choice((0.0, 0.0, 0.2)),
        unknown=choice((0.0, 0.0, 0.1)),
        lost_timer=choice((0.0, 0.0, 0.5)),
        worker_crash=choice((0.0, 0.0, 0.05, 0.2)),
        zombie=choice((0.0, 0.5)),
    )


def _request(random: Random, revision: str) -> RolloutRequested:
    chance, choice = random.random, random.choice
    traffic = choice(((), (), (ROUTE,), (ROUTE,), (ROUTE,), (OTHER_ROUTE,)))
    strategy = choice(_STRATEGIES)
    return RolloutRequested(
        workload=_WEB,
        steps=_steps(random, strategy, with_traffic=bool(traffic)),
        change=_CHANGES[revision],
        strategy=strategy,
        failure_threshold=choice((None, None, None, 1, "20%")),
        traffic=traffic,
        analysis=ANALYSIS if chance() < 0.25 else None,
        on_failure=choice(("roll_back", "roll_back", "pause")),
        deadlines=DEADLINES,
        rollout=_ROLLOUTS[revision],
    )


def _steps(random: Random, strategy: str, *, with_traffic: bool) -> tuple[Step, ...]:
    chance = random.random
    return tuple(
        Step(
            replicas=replicas,
            traffic=_share(weight) if with_traffic else None,
            pause=_pause(random) if chance() < 0.15 else None,
            analysis=ANALYSIS if chance() < 0.4 else None,
        )
        for replicas, weight in random.choice(_LADDERS if strategy == "partition" else _WHOLE_LADDERS)
    )


def _replan(random: Random, request: RolloutRequested) -> Replan:
    """The same steps with other pauses, or other steps; at times for another rollout than it was thought for."""
    chance, choice = random.random, random.choice
    if chance() < 0.3:
        steps = tuple(replace(step, pause=_pause(random)) for step in request.steps)
        return Replan(request=replace(request, rollout=None, change=None, steps=steps), by="ann")
    wanted = replace(
        request,
        rollout=None,
        analysis_from_step=1,
        change=None,
        steps=_steps(random, request.strategy, with_traffic=bool(request.traffic)),
        analysis=choice((request.analysis, None, ANALYSIS)),
        on_failure=choice((request.on_failure, "roll_back", "pause")),
        failure_threshold=choice((request.failure_threshold, None, 1)),
    )
    return Replan(request=wanted, by="ann")


_REPLANS = 0.15
"""How often there is one, and another one after it."""
_BAKES = 0.25
"""How often requests, and new plans, may ask for one."""
_FIRST_PAUSES = 0.1
"""How often each request asks to be paused before its first batch."""
_UNORDERED = 0.15
"""How often the requests' shares may fall from one step to the next."""
_LATE_WATCHES = 0.4
"""How often the analyses in the background may begin with a later step."""
_JUMPS = 0.35
"""How often there is one more, beside all else: what may be wrong with them needs a rare moment."""
_ANN = (HttpMatch(headers={"user": "ann"}),)
_LADDERS: tuple[tuple[tuple[Any, int | None], ...], ...] = (
    (("100%", 100),),
    (("20%", 20),),
    (("50%", 100),),
    (("20%", 20), ("100%", 100)),
    (("30%", 0), ("50%", 50)),
    (("20%", 20), ("60%", 20), ("100%", 100)),
    (("20%", None), ("60%", 60)),
    ((2, 10), (10, 100)),
    ((1, 5), ("50%", 50), ("80%", 100)),
)
_WHOLE_LADDERS = (
    *_LADDERS,
    (("100%", 0), ("100%", 100)),
    (("50%", 0), ("100%", 0), ("100%", 50)),
    (("100%", 40), ("100%", 100)),
)
"""Where the stable pods stay, all pods may have any share."""
_PACES: tuple[RollbackPace, ...] = get_args(RollbackPace)
_STRATEGIES = ("partition", "partition", "partition", "canary", "blue_green")
_WEB = WorkloadReference(name="web")
_CHANGES = {revision: Change(images={"web": f"web:{revision}"}) for revision in ("v2", "v3", "v4")}
_ROLLOUTS = {"v2": "r-2", "v3": "r-3", "v4": "r-4"}


def _share(weight: int | None) -> StepTraffic:
    """None stands for one user's requests, at no weight."""
    return StepTraffic(weight_percent=0, matches=_ANN) if weight is None else StepTraffic(weight_percent=weight)


def _pause(random: Random) -> StepPause:
    return StepPause(duration_s=random.choice((None, 0.0, 3.0, 10.0)))


def _control(random: Random) -> Control:
    kind = random.choice(
        (Approve, Approve, Pause, Pause, Resume, Resume, Retry, RollBack, RollBack, Cancel, JumpToStep)
    )
    if kind is JumpToStep:
        return JumpToStep(step=random.choice((1, 2, 3)), by="ann")
    made: Control = kind(by="ann")
    return made
