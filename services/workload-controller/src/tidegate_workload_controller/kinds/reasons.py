"""Why a native controller makes no pods, where it says so only by an event: a quota, or an admission webhook.

A Deployment's ReplicaSets have a condition for it. All other kinds leave an event and try again later. It is read by
`held` when a batch is reported as stalled for want of pods, and never else: it costs the API server a scan.
"""

from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from tidegate_chassis.errors import OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.objects import decode
from tidegate_chassis.kubernetes.resources import EVENTS
from tidegate_contracts.facts import BatchStalled
from tidegate_contracts.problem import printable
from tidegate_workload_controller.seen import epoch_s

FAILED_CREATE: Final = "FailedCreate"
"""What the native controllers, and OpenKruise's, call it."""

OLD_AFTER_S: Final = 1200.0
"""Native controllers try again after at most 1,000 s: an event older than that is about something that is over."""

_log = structlog.get_logger(__name__)


class _Series(msgspec.Struct, frozen=True, rename="camel"):
    last_observed_time: str | None = None


class Event(msgspec.Struct, frozen=True, rename="camel"):
    """What something in the cluster says of an object."""

    message: str = ""
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Series | None = None

    @property
    def at_s(self) -> float:
        """Epoch seconds of its last occurrence, in whichever of its formats it was written."""
        observed = self.series.last_observed_time if self.series is not None else None
        return epoch_s(observed or self.last_timestamp or self.event_time)


async def explained(
    client: KubernetesClient, namespace: str, uids: tuple[str, ...], fact: BatchStalled, *, beside: bool
) -> BatchStalled:
    """The fact with what the native controllers of these objects say about pods that they could not make.

    Of pods that come `beside` the stable ones, the counts don't tell whether any is lacking: there it is always asked.
    A reason is no reason to keep the fact itself back: where it can't be read, the fact goes out as it is.
    """
    if not beside and not _lacks_pods(fact):
        return fact
    try:
        return with_reason(fact, await _events(client, namespace, uids))
    except OperatingError as error:
        _log.warning("the reason can't be looked up", reason=error.reason, rollout=fact.rollout)
        return fact


async def _events(client: KubernetesClient, namespace: str, uids: tuple[str, ...]) -> list[Event]:
    events: list[Event] = []
    for uid in uids:
        page = await client.list_all(
            EVENTS, namespace, field_selector=f"involvedObject.uid={uid},reason={FAILED_CREATE},type=Warning"
        )
        events += [decode(raw, Event) for raw in page.items]
    return events


def _lacks_pods(fact: BatchStalled) -> bool:
    counts = fact.counts
    return counts is None or counts.updated + counts.stable < counts.replicas


def with_reason(fact: BatchStalled, events: list[Event]) -> BatchStalled:
    """Pure: the newest of the events that may still be true is told with the reason."""
    newest = max(events, key=lambda each: each.at_s, default=None)
    if newest is None or fact.at_s - newest.at_s > OLD_AFTER_S:
        return fact
    return replace(fact, reason=f"{fact.reason}; {FAILED_CREATE}: {printable(newest.message)}")
