"""YAML and JSON files as requests: what is read, what is refused and how it is said."""

from pathlib import Path

import pytest

from tidegate_cli import requests
from tidegate_cli.errors import CommandError, Exit
from tidegate_contracts.rollout import RolloutRequested

YAML = b"""
workload: {name: web}
change:
  images: {web: "web:v2"}
steps:
  - replicas: 20%
    traffic: {weight_percent: 50}
  - replicas: 3
traffic: [{route: web, service: web}]
"""


def test_yaml_and_json_say_the_same() -> None:
    json = b'{"type": "rollout.requested.v1", "workload": {"name": "web"}, "steps": [{"replicas": "20%"}]}'
    yaml = b"workload: {name: web}\nsteps:\n- replicas: 20%\n"
    assert requests.parse(json, "a") == requests.parse(yaml, "b")
    assert isinstance(requests.parse(YAML, "c"), RolloutRequested)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not a request", id="nothing"),
        pytest.param(b"- a\n- b\n", "not a request", id="a-list"),
        pytest.param(b"just text", "not a request", id="text"),
        pytest.param(b"{", "neither YAML nor JSON", id="cut-off"),
        pytest.param(b"\x00\x01", "neither YAML nor JSON", id="control-characters"),
        pytest.param(b"\xff\xfe\xfd", "neither YAML nor JSON", id="no-text"),
        pytest.param(b"workload: !!python/object:os.system {}", "neither YAML nor JSON", id="a-yaml-object"),
        pytest.param(b"workload: {name: 2020-01-01T00:00:00Z}\nsteps: [{replicas: 1.5}]", "not a request", id="a-date"),
        pytest.param(
            b"workload: {name: web}\nsteps: [{replicas: 1, .inf: 2}]",
            "not a request|can't be said in JSON",
            id="a-number-as-a-name",
        ),
        pytest.param(b"{" * 3000, "neither YAML nor JSON", id="deep"),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(CommandError, match=message) as raised:
        requests.parse(content, "file.yaml")
    assert raised.value.code is Exit.REFUSED


def test_a_bomb_of_aliases_is_refused_in_time() -> None:
    levels = [b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 6)]
    with pytest.raises(CommandError):
        requests.parse(b"\n".join(levels), "bomb.yaml")


def test_a_file_that_is_not_there_is_a_fault_of_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        requests.read(tmp_path / "nothing.yaml")
    assert raised.value.code is Exit.USAGE


def test_an_oversized_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    file.write_bytes(b" " * 300_000)
    with pytest.raises(CommandError) as raised:
        requests.read(file)
    assert raised.value.code is Exit.REFUSED


def test_more_traffic_than_pods_is_worth_a_note() -> None:
    assert requests.warnings(requests.parse(YAML, "a")) == [
        "step 1 sends 50 % of the traffic to 20% of the pods",
        "nothing is measured: only the pods' readiness decides",
    ]


def test_problems_are_raised_together() -> None:
    asked = requests.parse(b"workload: {name: W}\nsteps: [{replicas: 0}]", "a")
    with pytest.raises(CommandError) as raised:
        requests.check(asked, "default", "a")
    assert [problem.field for problem in raised.value.problems] == ["workload.name", "steps[0].replicas"]
