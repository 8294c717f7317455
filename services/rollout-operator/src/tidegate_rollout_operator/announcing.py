"""What happens to a Rollout as Kubernetes events on it, for `kubectl describe` and whoever collects them.

The sentences are Kruise's where it has one; `announcement` is pure. Called by `reconcile` with what the history newly
holds. An event's name is made of what it says and of the decision that it happened under, so that all copies, and a
copy that starts anew, say it once, and say it again when it happens again; it is for eyes, and one that can't be
written is left out.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import structlog

from tidegate_chassis.clock import Clock
from tidegate_chassis.errors import Conflict, OperatingError
from tidegate_chassis.kubernetes.client import KubernetesClient
from tidegate_chassis.kubernetes.resources import EVENTS
from tidegate_contracts.decisions import (
    Decision,
    RollbackStarted,
    RolloutCompleted,
    RolloutFailed,
    RolloutPaused,
    RolloutSuperseded,
)
from tidegate_contracts.facts import BatchReady, BatchStalled
from tidegate_rollout_operator import texts
from tidegate_rollout_operator.conditions import timestamp
from tidegate_rollout_operator.histories import Happening
from tidegate_rollout_operator.kruise import GROUP, ROLLOUTS, Rollout

REASON: Final = "Progressing"
RECENT_S: Final = 600.0
"""What happened earlier is not told any more: Kubernetes forgets events after an hour, and histories are for ever."""

MESSAGE_LENGTH_MAX: Final = 1024
"""Kubernetes' own limit."""

NAME_LENGTH: Final = 16
_log = structlog.get_logger(__name__)


class Announcement(NamedTuple):
    rollout: str
    type: Literal["Normal", "Warning"]
    message: str
    at_s: float
    revision: int
    """The decision that tells this occurrence from another one of the same words."""


def announcement(happened: Happening) -> Announcement | None:  # noqa: PLR0911 - one return per sentence
    """What to say of an event, if anything."""
    event = happened.event

    def said(message: str, kind: Literal["Normal", "Warning"] = "Normal") -> Announcement:
        return Announcement(event.rollout, kind, message[:MESSAGE_LENGTH_MAX], event.at_s, _revision(happened))

    match event:
        case BatchReady(step=step):
            return said(f"upgrade step({step}) canary pods with new versions done")
        case RollbackStarted(reason=reason):
            return said(f"workload has been rollback, then rollout is canceled: {reason}")
        case RolloutSuperseded():
            return said("workload continuous publishing canaryRevision, then restart publishing")
        case RolloutPaused(by=by, reason=reason):
            return said(f"Rollout was paused by {by}: {reason}", "Warning")
        case BatchStalled(step=step, reason=reason):
            return said(f"step({step}) makes no progress: {reason}", "Warning")
        case RolloutFailed(reason=reason):
            return said(f"Rollout has failed: {reason}", "Warning")
        case RolloutCompleted():
            return said(texts.COMPLETED)
        case _:
            return None


def _revision(happened: Happening) -> int:
    """A fact is said again by whoever takes its order over: it is the same one until something was decided."""
    event, view = happened
    if isinstance(event, BatchReady):
        return view.begun  # of one step it is said before and after its traffic
    return event.revision if isinstance(event, Decision) else view.revision


class Announcer:
    def __init__(self, client: KubernetesClient, component: str, clock: Clock) -> None:
        self._client = client
        self._component = component
        self._clock = clock

    async def announce(self, rollout: Rollout, events: Sequence[Happening]) -> None:
        """Says what is new and recent, each once."""
        for each in events:
            found = announcement(each)
            if found is None or self._clock.now_s() - found.at_s > RECENT_S:
                continue
            try:
                await self._write(rollout, found)
            except Conflict:
                continue  # said already
            except OperatingError as error:
                _log.warning("an event could not be written", rollout=rollout.metadata.name, reason=error.reason)

    async def _write(self, rollout: Rollout, said: Announcement) -> None:
        metadata = rollout.metadata
        words = f"{metadata.uid}\n{said.rollout}\n{said.revision}\n{said.message}"
        told_apart = hashlib.sha256(words.encode()).hexdigest()
        name = f"{metadata.name}.{told_apart[:NAME_LENGTH]}"
        body = event_object(rollout, said, name, self._component)
        await self._client.create(EVENTS, metadata.namespace, body, name=name)


def event_object(rollout: Rollout, said: Announcement, name: str, component: str) -> dict[str, Any]:
    """A `core/v1` Event about the Rollout."""
    metadata, at = rollout.metadata, timestamp(said.at_s)
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata.namespace},
        "involvedObject": {
            "apiVersion": f"{GROUP}/{ROLLOUTS.version}",
            "kind": ROLLOUTS.kind,
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
        },
        "type": said.type,
        "reason": REASON,
        "message": said.message,
        "source": {"component": component},
        "reportingComponent": component,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
