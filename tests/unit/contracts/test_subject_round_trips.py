"""Every subject that is made can be read back, and what nobody made is refused with a ValueError, never misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import dotted_names, hostile_names, keys, labels

from tidegate_contracts import subjects, topology
from tidegate_contracts.codec import tag_of
from tidegate_contracts.registry import CLASSES
from tidegate_contracts.subjects import SERVICES, Service
from tidegate_contracts.workload import WorkloadKey, WorkloadReference

services = st.sampled_from(SERVICES)
event_tags = st.sampled_from([tag_of(kind) for kind in CLASSES["events"]])


@given(keys, labels, services, event_tags)
def test_an_event_subject_says_what_went_into_it(key: WorkloadKey, rollout: str, service: Service, tag: str) -> None:
    parsed = subjects.parse_event(subjects.event(key, rollout, service, tag))
    assert parsed == (key, rollout, service, tag.split(".")[1])


@given(keys, labels, services)
def test_the_other_subjects_say_what_went_into_them(key: WorkloadKey, rollout: str, service: Service) -> None:
    assert subjects.parse_request(subjects.requests(key.cluster, key.namespace)) == (key.cluster, key.namespace)
    control = subjects.controls(key.cluster, key.namespace, rollout)
    assert subjects.parse_control(control) == (key.cluster, key.namespace, rollout)
    assert subjects.parse_order(subjects.order(service, key)) == (service, key)
    assert subjects.parse_timer(subjects.timer(key)) == key
    assert subjects.parse_timer(subjects.timer_due(key)) == key


@given(keys, labels, services, event_tags)
def test_filters_take_the_subjects_that_they_are_for(
    key: WorkloadKey, rollout: str, service: Service, tag: str
) -> None:
    event = subjects.event(key, rollout, service, tag)
    assert takes(subjects.ALL_EVENTS, event)
    assert takes(subjects.workload_events(key), event)
    assert takes(subjects.rollout_events(key, rollout), event)
    assert takes(subjects.facts_of(service), event)
    assert takes(subjects.namespace_events(key.cluster, key.namespace), event)
    assert takes(subjects.namespace_events(key.cluster, None), event)
    assert takes(subjects.find_rollout_events(key.cluster, key.namespace, rollout), event)
    decisions = service == "orchestrator"
    assert takes(subjects.find_rollout(key.cluster, key.namespace, rollout), event) is decisions
    assert takes(subjects.workload_decisions(key), event) is decisions
    telemetry = subjects.telemetry(key, rollout, service)
    assert takes(subjects.find_rollout_telemetry(key.cluster, key.namespace, rollout), telemetry)


def takes(subject_filter: str, subject: str) -> bool:
    """As NATS matches: `*` one token, `>` all that follow."""
    wanted, tokens = subject_filter.split("."), subject.split(".")
    for index, want in enumerate(wanted):
        if want == ">":
            return len(tokens) > index
        if index >= len(tokens) or want not in ("*", tokens[index]):
            return False
    return len(wanted) == len(tokens)


@given(keys, labels, services)
def test_each_stream_takes_its_subjects_and_no_other_streams(key: WorkloadKey, rollout: str, service: Service) -> None:
    made = {
        topology.REQUESTS: subjects.requests(key.cluster, key.namespace),
        topology.CONTROLS: subjects.controls(key.cluster, key.namespace, rollout),
        topology.EVENTS: subjects.event(key, rollout, service, "rollout.accepted.v1"),
        topology.ORDERS: subjects.order(service, key),
        topology.TIMERS: subjects.timer_due(key),
        topology.TELEMETRY: subjects.telemetry(key, rollout, service),
        topology.PROGRESS: subjects.progress(service, key),
        topology.DEAD: subjects.dead(service),
    }
    for name, subject in made.items():
        takers = [stream.name for stream in topology.STREAMS if any(takes(one, subject) for one in stream.subjects)]
        assert takers == [name]


@given(
    st.lists(hostile_names, min_size=1, max_size=9),
    st.sampled_from(["requests", "controls", "events", "orders", "timers"]),
)
def test_a_hostile_subject_is_refused_or_read_as_valid_names(tokens: list[str], message_class: str) -> None:
    subject = ".".join(["tidegate", message_class, *tokens])
    parsers = (
        subjects.parse_event,
        subjects.parse_request,
        subjects.parse_control,
        subjects.parse_order,
        subjects.parse_timer,
    )
    for parse in parsers:
        try:
            parse(subject)
        except ValueError:
            continue


@pytest.mark.parametrize(
    "subject", ["", ".", "tidegate", "tidegate.requests", "tidegate.requests.a", "tidegate.events.>"]
)
def test_a_subject_with_the_wrong_number_of_tokens_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="is not a subject of"):
        subjects.parse_request(subject)


@pytest.mark.parametrize("namespace", ["kube/system", "UPPER", "*", "a__b", ""])
def test_a_request_for_something_that_is_no_namespace_is_refused(namespace: str) -> None:
    with pytest.raises(ValueError, match="token"):
        subjects.parse_request(f"tidegate.requests.default.{namespace}")


@given(labels, labels, dotted_names)
def test_a_workload_reference_becomes_the_key_of_its_tokens(cluster: str, namespace: str, name: str) -> None:
    key = WorkloadKey.of(
        cluster, namespace, WorkloadReference(name=name, kind="CloneSet", api_version="apps.kruise.io/v1alpha1")
    )
    assert key.kind == "cloneset.apps.kruise.io"
    assert WorkloadKey.from_tokens(key.tokens.split(".")) == key


def test_kinds_of_the_core_group_have_no_group_in_their_key() -> None:
    key = WorkloadKey.of("c", "n", WorkloadReference(name="web", kind="ReplicationController", api_version="v1"))
    assert key.kind == "replicationcontroller"
