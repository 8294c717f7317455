from typing import Any

import pytest
from nats.aio.msg import Msg

from tidegate_chassis import telemetry
from tidegate_chassis.errors import Conflict, Permanent, Transient
from tidegate_chassis.jetstream import ApiError
from tidegate_chassis.message import received, revision_of, stored


def raw(reply: str, headers: dict[str, str] | None = None) -> Msg:
    client: Any = None
    return Msg(_client=client, subject="tidegate.requests.c.n", reply=reply, data=b"{}", headers=headers)


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.STREAM.durable.3.42.7.1700000000000000001.5",
        "$JS.ACK.domain.hash.STREAM.durable.3.42.7.1700000000000000001.5",
        "$JS.ACK._.hash.STREAM.durable.3.42.7.1700000000000000001.5.token",
    ],
)
def test_a_deliverys_place_is_read_from_where_its_ack_goes(reply: str) -> None:
    message = received(raw(reply))
    assert (message.stream, message.sequence, message.deliveries) == ("STREAM", 42, 3)
    assert message.time_s == pytest.approx(1_700_000_000)


def test_a_message_without_an_id_has_the_same_one_at_each_delivery() -> None:
    first = received(raw("$JS.ACK.S.d.1.42.7.1700000000000000001.5"))
    again = received(raw("$JS.ACK.S.d.2.42.9.1700000000000000001.0"))
    other = received(raw("$JS.ACK.S.d.1.43.8.1700000000000000001.5"))
    assert first.id == again.id != other.id


def test_a_message_keeps_the_id_and_cause_that_its_sender_gave() -> None:
    headers = {"ce-id": "mine", "ce-cause": "yours", "tidegate-revision": "12"}
    message = stored("s", b"", headers, stream="S", sequence=1, time_ns=0)
    assert (message.id, message.cause, message.revision) == ("mine", "yours", 12)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "٣", "x", " 1"])
def test_a_revision_that_cannot_be_read_is_none(text: str) -> None:
    assert revision_of({"tidegate-revision": text}) is None


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("tidegate.requests.c.secret", "tidegate.requests"),
        ("tidegate.controls.c.secret.r", "tidegate.controls"),
        (
            "tidegate.events.c.secret.k.secret.r.workload-controller.batch-ready",
            "tidegate.events.workload-controller.batch-ready",
        ),
        ("tidegate.orders.traffic-shifter.c.secret.k.secret", "tidegate.orders.traffic-shifter"),
        ("tidegate.timers.due.c.secret.k.secret", "tidegate.timers.due"),
        ("tidegate.telemetry.c.secret.k.secret.r.s", "tidegate.telemetry"),
        ("tidegate.dead.orchestrator", "tidegate.dead.orchestrator"),
    ],
)
def test_a_metrics_label_names_no_workload(subject: str, expected: str) -> None:
    assert telemetry.template(subject) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ApiError(400, 10071, "wrong last sequence"), Conflict),
        (ApiError(400, 10164, "in flight"), Conflict),
        (ApiError(409, 10158, "in flight"), Conflict),
        (ApiError(400, 10201, "duplicate"), Conflict),
        (ApiError(503, 10077, "maximum bytes exceeded"), Transient),
        (ApiError(429, 10167, "too many requests"), Transient),
        (ApiError(400, 10054, "message size exceeds"), Permanent),
    ],
)
def test_a_streams_refusal_is_told_in_the_closed_vocabulary(error: ApiError, expected: type[Exception]) -> None:
    assert type(error.as_error("x")) is expected
