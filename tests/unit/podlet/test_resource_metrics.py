from datetime import UTC, datetime

import pytest

from tidegate_sandbox.podlet.pods import Condition, Container, Metadata, Pod, PodStatus, Spec, Variable
from tidegate_sandbox.podlet.resource_metrics import metrics_of, millicores
from tidegate_sandbox.podlet.selectors import matcher

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pod(name: str, *, app: str = "web", ready: str = "True", phase: str = "Running", own: str = "") -> Pod:
    environment = (Variable("PODLET_CPU_MILLICORES", own),) if own else ()
    return Pod(
        Metadata(name=name, namespace="shop", labels={"app": app}),
        Spec(containers=(Container("web", "web:v1", env=environment), Container("proxy", "proxy:v1_cpu-5"))),
        PodStatus(phase=phase, conditions=(Condition("Ready", ready),)),
    )


def usages(pods: list[Pod], load: dict[str, int]) -> dict[str, list[str]]:
    found = metrics_of(pods, {"shop": load}, NOW)
    return {one.metadata.name: [c["usage"]["cpu"] for c in metrics["containers"]] for one, metrics in found}


def test_what_an_application_uses_is_shared_by_its_ready_pods() -> None:
    pods = [pod("web-1"), pod("web-2"), pod("web-3", ready="False"), pod("other", app="api")]
    assert usages(pods, {"web": 900}) == {
        "web-1": ["450m", "5m"],
        "web-2": ["450m", "5m"],
        "web-3": ["0m", "5m"],
        "other": ["0m", "5m"],
    }


def test_a_container_uses_what_it_says_on_top_of_its_share() -> None:
    assert usages([pod("web-1", own="250")], {"web": 100}) == {"web-1": ["350m", "5m"]}


def test_a_pod_that_does_not_run_has_no_metrics() -> None:
    assert usages([pod("web-1", phase="Pending")], {"web": 900}) == {}


def test_what_was_measured_has_a_time_and_a_window() -> None:
    ((_, metrics),) = metrics_of([pod("web-1")], {}, NOW)
    assert (metrics["timestamp"], metrics["window"]) == ("2026-01-01T00:00:00Z", "1s")


@pytest.mark.parametrize(("quantity", "expected"), [("1500m", 1500), ("2", 2000), ("0.25", 250), (" 7m ", 7)])
def test_an_amount_of_cpu_is_read(quantity: str, expected: int) -> None:
    assert millicores(quantity) == expected


@pytest.mark.parametrize("quantity", ["", "m", "-1", "nan", "1e12", "2k"])
def test_what_is_no_amount_of_cpu_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        millicores(quantity)


@pytest.mark.parametrize(
    ("selector", "matching"),
    [
        ("", {"a", "b", "c"}),
        ("app=web", {"a", "b"}),
        ("app==web,tier=front", {"a"}),
        ("app!=web", {"c"}),
        ("app in (web, api),tier notin (front)", {"b", "c"}),
        ("tier", {"a", "b"}),
        ("!tier", {"c"}),
        ("app=web,!canary", {"a", "b"}),
        ("tier in (back)", {"b"}),
    ],
)
def test_a_selector_matches_as_the_api_server_would(selector: str, matching: set[str]) -> None:
    pods = {
        "a": {"app": "web", "tier": "front"},
        "b": {"app": "web", "tier": "back"},
        "c": {"app": "api"},
    }
    matches = matcher(selector)
    assert {name for name, labels in pods.items() if matches(labels)} == matching


def test_a_selector_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="no selector"):
        matcher("app in web")
