"""The API server's audit log as figures: who wrote what, when, and who watches. Pure but for reading the file.

Every sandbox has the log at Metadata level. A write is a create, update, patch or delete that succeeded; a watch has an
entry when it starts and, under the same id, another when it ends.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

WRITES: Final = frozenset({"create", "update", "patch", "delete"})
SUCCESS: Final = range(200, 300)


class _User(msgspec.Struct):
    username: str = ""


class _Object(msgspec.Struct):
    apiGroup: str = ""  # noqa: N815
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class _Answer(msgspec.Struct):
    code: int = 0


class AuditEntry(msgspec.Struct):
    """One finished request, with the API's own field names."""

    verb: str
    stage: str
    requestURI: str  # noqa: N815
    requestReceivedTimestamp: dt.datetime  # noqa: N815
    stageTimestamp: dt.datetime  # noqa: N815
    auditID: str = ""  # noqa: N815
    user: _User = msgspec.field(default_factory=_User)
    objectRef: _Object = msgspec.field(default_factory=_Object)  # noqa: N815
    responseStatus: _Answer = msgspec.field(default_factory=_Answer)  # noqa: N815

    @property
    def service(self) -> str:
        """The last part of the user's name: a service account's own."""
        return self.user.username.rpartition(":")[2]

    @property
    def resource(self) -> str:
        """As RBAC and kubectl call it: `deployments.apps`, `pods`."""
        group = self.objectRef.apiGroup
        return f"{self.objectRef.resource}.{group}" if group else self.objectRef.resource

    @property
    def received_s(self) -> float:
        return self.requestReceivedTimestamp.timestamp()

    @property
    def done_s(self) -> float:
        return self.stageTimestamp.timestamp()

    @property
    def is_write(self) -> bool:
        return (
            self.verb in WRITES
            and self.stage == "ResponseComplete"
            and self.responseStatus.code in SUCCESS
            and "dryRun" not in self.requestURI
        )


_DECODER: Final = msgspec.json.Decoder(AuditEntry)


def read(path: Path, since_s: float) -> list[AuditEntry]:
    """Finished writes since a moment."""
    return [entry for entry in _entries(path) if entry.is_write and entry.received_s >= since_s]


def _entries(path: Path) -> Iterator[AuditEntry]:
    """Every line that is whole."""
    with path.open("rb") as log:
        yield from (_DECODER.decode(line) for line in log if line.endswith(b"\n"))


def open_watches(path: Path, service: str) -> Counter[str]:
    """How many watches a service has open now, by resource."""
    watches: dict[str, str] = {}
    for entry in by_service(_entries(path), service):
        if entry.verb != "watch":
            continue
        if entry.stage == "ResponseStarted":
            watches[entry.auditID] = entry.resource
        else:
            watches.pop(entry.auditID, None)
    return Counter(watches.values())


def by_service(entries: Iterable[AuditEntry], service: str) -> Iterator[AuditEntry]:
    return (entry for entry in entries if entry.service == service)


def handovers_s(entries: list[AuditEntry], deployment: str, step_starts_s: list[float]) -> list[float]:
    """For each step but the first: from the last pod's getting ready to the first write that was made for the step.

    The last pod's getting ready is the podlet's last status write on a pod of the Deployment before the step was
    decided; the step's first write is the workload-controller's next one on the Deployment.
    """
    statuses = [
        entry
        for entry in by_service(entries, "podlet")
        if entry.objectRef.resource == "pods"
        and entry.objectRef.subresource == "status"
        and entry.objectRef.name.startswith(f"{deployment}-")
    ]
    patches = [
        entry
        for entry in by_service(entries, "workload-controller")
        if entry.objectRef.resource == "deployments" and entry.objectRef.name == deployment
    ]
    found = []
    for start_s in step_starts_s[1:]:
        ready_s = max((entry.done_s for entry in statuses if entry.done_s <= start_s), default=None)
        write_s = min((entry.received_s for entry in patches if entry.received_s >= start_s), default=None)
        if ready_s is not None and write_s is not None:
            found.append(write_s - ready_s)
    return found
