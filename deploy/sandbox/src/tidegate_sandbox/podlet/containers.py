"""One container's life as a value that only time and its own behaviour move.

`lifecycle` calls `advance` before every decision and shows the result through `status_of`. Pure: no clock, no
socket. Back-off is the kubelet's at a tenth of its length, so that a crash loop shows within a test's patience.
"""

import hashlib
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidegate_sandbox.podlet.behaviour import Behaviour, Misconfigured, behaviour_of
from tidegate_sandbox.podlet.pods import (
    Container,
    ContainerState,
    ContainerStatus,
    Running,
    Terminated,
    Waiting,
    seconds,
    timestamp,
)

BACK_OFF_FIRST_S: Final = 1.0
BACK_OFF_MAX_S: Final = 30.0
BACK_OFF_FORGIVEN_AFTER_S: Final = 60.0
"""A run this long starts the back-off anew."""
PULL_ATTEMPT_S: Final = 1.0
"""How long ErrImagePull shows before ImagePullBackOff."""
TURN_SLACK: Final = 1e-5
ADVANCES_MAX: Final = 4
"""A container that crashes the moment it starts may not turn for ever within one decision."""


class Exit(Struct, frozen=True):
    code: int
    reason: str
    started_at_s: float
    finished_at_s: float
    message: str | None = None


class ContainerRun(Struct, frozen=True, kw_only=True):
    name: str
    image: str
    behaviour: Behaviour | Misconfigured
    started_at_s: float
    restart_count: int = 0
    back_off_level: int = 0
    stopped: bool = False
    restart_at_s: float | None = None
    """When a stopped container comes back; None is never."""
    last_exit: Exit | None = None


def start(container: Container, now_s: float) -> ContainerRun:
    behaviour = behaviour_of(container)
    return ContainerRun(name=container.name, image=container.image, behaviour=behaviour, started_at_s=now_s)


def adopt(container: Container, seen: ContainerStatus | None, now_s: float) -> ContainerRun:
    """The run that an earlier podlet left behind, as its status tells."""
    run = start(container, now_s)
    if seen is None or (seen.state.running is None and seen.restart_count == 0):
        return run
    run = replace(run, image=seen.image, restart_count=seen.restart_count, back_off_level=seen.restart_count)
    ended = seen.last_state.terminated or seen.state.terminated
    if ended is not None:
        run = replace(run, last_exit=_exit_of(ended, now_s))
    if seen.state.running is not None:
        return replace(run, started_at_s=min(now_s, seconds(seen.state.running.started_at, now_s)))
    return replace(run, stopped=True, restart_at_s=now_s)


def advance(run: ContainerRun, container: Container, restart_policy: str, now_s: float) -> ContainerRun:
    """The run as it is at `now_s`: crashed, restarted or replaced by another image meanwhile."""
    for _ in range(ADVANCES_MAX):
        moved = _advance_once(run, container, restart_policy, now_s)
        if moved is run:
            return run
        run = moved
    return run


def _advance_once(run: ContainerRun, container: Container, restart_policy: str, now_s: float) -> ContainerRun:
    if run.image != container.image:
        return _replaced(run, container, now_s)
    if run.stopped:
        if run.restart_at_s is None or now_s < run.restart_at_s:
            return run
        return replace(run, stopped=False, restart_at_s=None, started_at_s=now_s, restart_count=run.restart_count + 1)
    end = _end(run)
    if end is None or now_s < end.finished_at_s:
        return run
    return ended(run, end, restart_policy, now_s)


def ended(run: ContainerRun, last_exit: Exit, restart_policy: str, now_s: float) -> ContainerRun:
    """The run after its process ended without being asked to."""
    survived_s = last_exit.finished_at_s - last_exit.started_at_s
    level = 0 if survived_s >= BACK_OFF_FORGIVEN_AFTER_S else run.back_off_level
    # The kubelet restarts at once after the first crash and backs off from the second on.
    wait_s = min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2.0 ** (level - 1)) if level else 0.0
    return replace(
        run,
        stopped=True,
        restart_at_s=now_s + wait_s if _restarts(last_exit, restart_policy) else None,
        back_off_level=min(level + 1, 16),
        last_exit=last_exit,
    )


def _restarts(last_exit: Exit, restart_policy: str) -> bool:
    return restart_policy == "Always" or (restart_policy == "OnFailure" and last_exit.code != 0)


def _replaced(run: ContainerRun, container: Container, now_s: float) -> ContainerRun:
    fresh = start(container, now_s)
    if not is_started(run):
        return replace(fresh, restart_count=run.restart_count, last_exit=run.last_exit)
    last_exit = run.last_exit if run.stopped else Exit(0, "Completed", run.started_at_s, now_s)
    return replace(fresh, restart_count=run.restart_count + 1, last_exit=last_exit)


def _end(run: ContainerRun) -> Exit | None:
    """How the process ends without being asked to, if it does."""
    behaviour = run.behaviour
    if not isinstance(behaviour, Behaviour) or behaviour.pull_fails:
        return None
    ends = ((behaviour.crash_after_s, 1), (behaviour.exit_after_s, behaviour.exit_code))
    after_s, code = min(((after_s, code) for after_s, code in ends if after_s is not None), default=(None, 0))
    if after_s is None:
        return None
    return Exit(code, "Error" if code else "Completed", run.started_at_s, run.started_at_s + after_s)


def is_started(run: ContainerRun) -> bool:
    """Whether its image could be run at all."""
    return isinstance(run.behaviour, Behaviour) and not run.behaviour.pull_fails


def is_running(run: ContainerRun) -> bool:
    return is_started(run) and not run.stopped


def is_ready(run: ContainerRun, now_s: float) -> bool:
    behaviour = run.behaviour
    if not is_running(run) or not isinstance(behaviour, Behaviour) or behaviour.ready_after_s is None:
        return False
    age_s = now_s - (run.started_at_s + behaviour.ready_after_s)
    return age_s >= 0 and (behaviour.flap_s is None or _turns(age_s, behaviour.flap_s) % 2 == 0)


def _turns(age_s: float, flap_s: float) -> int:
    """How often readiness has turned over; at the very moment of a turn the turn counts, whatever floats say."""
    return int(age_s / flap_s + TURN_SLACK)


def next_change_s(run: ContainerRun, now_s: float) -> float | None:
    """When time alone will next change this run or its readiness."""
    behaviour = run.behaviour
    if isinstance(behaviour, Misconfigured):
        return None
    if behaviour.pull_fails:
        gives_up_s = run.started_at_s + PULL_ATTEMPT_S
        return gives_up_s if now_s < gives_up_s else None
    if run.stopped:
        return run.restart_at_s
    end = _end(run)
    moments = [end.finished_at_s if end is not None else None, _turn_s(run, behaviour, now_s)]
    return min((moment for moment in moments if moment is not None), default=None)


def _turn_s(run: ContainerRun, behaviour: Behaviour, now_s: float) -> float | None:
    if behaviour.ready_after_s is None:
        return None
    ready_s = run.started_at_s + behaviour.ready_after_s
    if now_s < ready_s:
        return ready_s
    if behaviour.flap_s is None:
        return None
    return ready_s + (_turns(now_s - ready_s, behaviour.flap_s) + 1) * behaviour.flap_s


def status_of(run: ContainerRun, now_s: float) -> ContainerStatus:
    """What the API server is told of this container."""
    image_hash = hashlib.sha256(run.image.encode()).hexdigest()
    running = is_running(run)
    state = _state(run, now_s)
    return ContainerStatus(
        name=run.name,
        image=run.image,
        image_id=f"{run.image.partition('@')[0]}@sha256:{image_hash}" if is_started(run) else "",
        container_id=f"podlet://{image_hash[:32]}{run.restart_count:032x}" if running else None,
        ready=is_ready(run, now_s),
        started=running,
        restart_count=run.restart_count,
        state=state,
        last_state=ContainerState(terminated=_terminated(run.last_exit))
        if run.last_exit and not state.terminated
        else ContainerState(),
    )


def _state(run: ContainerRun, now_s: float) -> ContainerState:
    if isinstance(run.behaviour, Misconfigured):
        return ContainerState(waiting=Waiting("CreateContainerConfigError", run.behaviour.message))
    if run.behaviour.pull_fails:
        attempting = now_s < run.started_at_s + PULL_ATTEMPT_S
        reason = "ErrImagePull" if attempting else "ImagePullBackOff"
        return ContainerState(waiting=Waiting(reason, f"the image {run.image!r} cannot be pulled"))
    if not run.stopped:
        return ContainerState(running=Running(timestamp(run.started_at_s)))
    if run.restart_at_s is None:
        return ContainerState(terminated=_terminated(run.last_exit))
    message = f"restarts at {timestamp(run.restart_at_s)} for the {run.restart_count + 1}. time"
    return ContainerState(waiting=Waiting("CrashLoopBackOff", message))


def completed(run: ContainerRun, now_s: float) -> ContainerStatus:
    """What is told of a container that was asked to stop, and did."""
    last_exit = run.last_exit if run.stopped and run.last_exit else Exit(0, "Completed", run.started_at_s, now_s)
    stopped = replace(run, stopped=True, restart_at_s=None, last_exit=last_exit)
    return status_of(stopped, now_s)


def _terminated(last_exit: Exit | None) -> Terminated | None:
    if last_exit is None:
        return None
    return Terminated(
        exit_code=last_exit.code,
        reason=last_exit.reason,
        message=last_exit.message,
        started_at=timestamp(last_exit.started_at_s),
        finished_at=timestamp(last_exit.finished_at_s),
    )


def _exit_of(terminated: Terminated, now_s: float) -> Exit:
    return Exit(
        terminated.exit_code,
        terminated.reason or "Error",
        seconds(terminated.started_at, now_s),
        seconds(terminated.finished_at, now_s),
        terminated.message,
    )
