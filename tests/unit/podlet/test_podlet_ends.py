"""Containers that end by themselves, as those of a Job do, and what the restart policy makes of it."""

import pytest

from tidegate_sandbox.podlet import containers, status
from tidegate_sandbox.podlet.pods import Container, Metadata, Pod, Spec

START_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("tag", "policy", "phase", "restarts"),
    [
        ("v1_exit-1", "Never", "Succeeded", 0),
        ("v1_exit-1_code-3", "Never", "Failed", 0),
        ("v1_exit-1", "OnFailure", "Succeeded", 0),
        ("v1_exit-1_code-3", "OnFailure", "Running", 1),
        ("v1_exit-1", "Always", "Running", 1),
        ("v1_exit-5_crash-1", "Never", "Failed", 0),
    ],
)
def test_a_container_ends_by_itself_and_its_pod_as_the_policy_says(
    tag: str, policy: str, phase: str, restarts: int
) -> None:
    container = Container(name="test", image=f"job:{tag}")
    run = containers.start(container, START_S)
    assert containers.next_change_s(run, START_S + 0.5) == START_S + 1
    run = containers.advance(run, container, policy, START_S + 1)
    pod = Pod(Metadata(name="job-1"), Spec(containers=(container,), restart_policy=policy))
    shown = status.render(pod, (run,), status.Place("10.244.1.1", "10.0.0.1"), START_S + 1)
    (found,) = shown.container_statuses
    assert (shown.phase, found.restart_count) == (phase, restarts)
    ended = found.state.terminated or found.last_state.terminated
    assert ended is not None
    code = {"v1_exit-1": 0, "v1_exit-1_code-3": 3, "v1_exit-5_crash-1": 1}[tag]
    assert (ended.exit_code, ended.reason) == (code, "Error" if code else "Completed")
