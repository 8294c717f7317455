import msgspec
from msgspec.structs import replace

from tidegate_chassis.kubernetes.objects import ListPage
from tidegate_contracts.facts import BatchStalled, PodCounts
from tidegate_workload_controller.kinds.reasons import OLD_AFTER_S, Event, explained, with_reason

NOW_S = 1_800_000_000.0
STALLED = BatchStalled(
    rollout="r1",
    order_revision=3,
    at_s=NOW_S,
    step=1,
    reason="no further pod got ready for 600 s",
    counts=PodCounts(replicas=3, updated=1, updated_ready=0, stable=2, stable_ready=2),
)
AT_NOW = "2027-01-15T08:00:00Z"


def test_the_newest_event_is_told_whatever_format_it_was_written_in() -> None:
    older = Event("exceeded quota: old", last_timestamp="2027-01-15T07:59:00Z")
    newer = Event("exceeded quota: new", event_time=AT_NOW)
    assert newer.at_s == NOW_S
    told = with_reason(STALLED, [newer, older])
    assert told.reason == "no further pod got ready for 600 s; FailedCreate: exceeded quota: new"


def test_what_is_long_over_is_not_told() -> None:
    event = Event("exceeded quota", last_timestamp=AT_NOW)
    assert with_reason(replace(STALLED, at_s=NOW_S + OLD_AFTER_S + 1.0), [event]).reason == STALLED.reason
    assert with_reason(STALLED, []) is STALLED


async def test_where_no_pod_is_missing_nothing_is_read() -> None:
    whole = replace(STALLED, counts=PodCounts(replicas=3, updated=1, updated_ready=0, stable=2, stable_ready=2))
    assert await explained(None, "shop", ("uid",), whole, beside=False) is whole  # type: ignore[arg-type]


async def test_beside_the_stable_pods_it_is_read_whatever_the_counts_say() -> None:
    told = await explained(Eventful(), "shop", ("uid",), STALLED, beside=True)  # type: ignore[arg-type]
    assert told.reason.endswith("FailedCreate: exceeded quota")


class Eventful:
    """A cluster in which a quota is in the way."""

    async def list_all(self, *_where: object, **_of: object) -> ListPage:
        event = {"message": "exceeded quota", "lastTimestamp": AT_NOW}
        return ListPage([msgspec.Raw(msgspec.json.encode(event))], resource_version="1", continue_token="")
