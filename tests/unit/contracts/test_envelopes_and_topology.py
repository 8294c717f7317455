"""Ids that are the same at every delivery, headers that CloudEvents readers know, a topology that fits the server."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate_contracts import envelope, limits, names, topology
from tidegate_contracts.envelope import Envelope


def test_headers_are_cloud_events_and_the_servers_own_duplicate_check() -> None:
    headers = Envelope(
        id="m-1", type="t.x.v1", source="s", time_s=1795450000.25, cause="m-0", traceparent="00-a-b-01"
    ).headers()
    assert headers == {
        "ce-specversion": "1.0",
        "ce-id": "m-1",
        "ce-type": "t.x.v1",
        "ce-source": "s",
        "ce-time": "2026-11-23T16:06:40.250000Z",
        "content-type": "application/json",
        "Nats-Msg-Id": "m-1",
        "ce-cause": "m-0",
        "traceparent": "00-a-b-01",
    }


def test_an_id_of_the_sender_is_kept() -> None:
    assert envelope.message_id({"ce-id": "mine"}, "S", 1, 2, b"") == "mine"
    assert envelope.message_id({"Nats-Msg-Id": "mine"}, "S", 1, 2, b"") == "mine"


@given(
    st.one_of(st.none(), st.dictionaries(st.sampled_from(["ce-id", "Nats-Msg-Id"]), st.text(max_size=300))), st.binary()
)
def test_every_message_has_a_short_printable_id_that_stays(headers: dict[str, str] | None, payload: bytes) -> None:
    first = envelope.message_id(headers, "S", 1, 2, payload)
    assert first == envelope.message_id(headers, "S", 1, 2, payload)
    assert 0 < len(first) <= envelope.ID_LENGTH_MAX
    assert first.isprintable()


def test_messages_without_an_id_differ_by_their_place() -> None:
    assert envelope.message_id(None, "S", 1, 2, b"x") != envelope.message_id(None, "S", 2, 2, b"x")


@given(st.text())
def test_a_rollouts_made_up_id_is_a_label(message: str) -> None:
    assert names.is_label(envelope.rollout_id(message))


def test_an_accepted_event_can_carry_the_largest_request() -> None:
    sizes = {stream.name: stream.message_bytes_max for stream in topology.STREAMS}
    assert sizes[topology.REQUESTS] == limits.REQUEST_BYTES_MAX
    assert sizes[topology.EVENTS] >= 2 * limits.REQUEST_BYTES_MAX
    assert sizes[topology.DEAD] >= 2 * limits.REQUEST_BYTES_MAX


def test_no_durable_is_declared_twice_and_none_needs_encoding() -> None:
    consumers = topology.consumers(("default", "west"))
    found = [consumer.name for consumer in consumers]
    assert len(found) == len(set(found))
    for name in found:
        assert names.is_label(name), name


def test_the_truth_refuses_when_it_is_full_and_forgets_nothing() -> None:
    events = next(stream for stream in topology.STREAMS if stream.name == topology.EVENTS)
    assert (events.discard, events.age_max_s, events.deny_delete, events.deny_purge) == ("new", 0, True, True)
