from tidegate_chassis.errors import Conflict, OperatingError, Permanent, Transient, UnknownOutcome
from tidegate_chassis.kubernetes.patience import EPISODE_S, PATIENCE_S, TROUBLE_S, Patience
from tidegate_chassis.kubernetes.status import Attempt

PATCH = Attempt("patch", "deployments.apps", "shop", "web", is_write=True)
GET = Attempt("get", "deployments.apps", "shop", "web")
FORBIDDEN = Permanent("not allowed", code="forbidden")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def patience() -> tuple[Patience, Clock]:
    clock = Clock()
    return Patience(clock), clock


def test_a_permission_that_never_worked_is_missing_at_once() -> None:
    judging, _ = patience()
    judging.worked(GET)
    assert judging.judge(PATCH, FORBIDDEN) is FORBIDDEN


def test_a_permission_that_worked_is_missing_only_after_a_while() -> None:
    judging, clock = patience()
    judging.worked(PATCH)
    assert isinstance(judging.judge(PATCH, FORBIDDEN), Transient)
    clock.now_s += PATIENCE_S - 0.1
    assert isinstance(judging.judge(PATCH, FORBIDDEN), Transient)
    clock.now_s += 0.2
    assert judging.judge(PATCH, FORBIDDEN) is FORBIDDEN


def test_a_permission_that_came_back_gets_the_whole_time_again() -> None:
    judging, clock = patience()
    judging.worked(PATCH)
    judging.judge(PATCH, FORBIDDEN)
    clock.now_s += PATIENCE_S / 2
    judging.worked(PATCH)
    clock.now_s += PATIENCE_S
    assert isinstance(judging.judge(PATCH, FORBIDDEN), Transient)


def test_soon_after_trouble_any_refusal_may_be_a_new_servers() -> None:
    judging, clock = patience()
    trouble: OperatingError
    for trouble in (Transient("no connection"), UnknownOutcome("no answer")):
        assert judging.judge(GET, trouble) is trouble
        assert isinstance(judging.judge(PATCH, FORBIDDEN), Transient)
        clock.now_s += TROUBLE_S + 1
        assert judging.judge(PATCH, FORBIDDEN) is FORBIDDEN
        clock.now_s += EPISODE_S


def test_other_refusals_are_believed() -> None:
    judging, _ = patience()
    judging.worked(PATCH)
    for error in (Permanent("no", code="invalid"), Conflict("stale")):
        assert judging.judge(PATCH, error) is error
