"""What a metric provider is asked and what it may answer: plain values shared by the pure core and the plugins.

`window` says when and how far back to ask, a provider answers a `Question` with an `Answer`, `reading` decides whether
the answer can be judged at all. Nothing here knows a query language.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from tidegate_contracts import names

PLACEHOLDERS: Final = ("namespace", "workload", "revision", "stable_revision", "window", "pods")

PODS: Final = "pods"
"""Not a name but a regular expression for names, of pods that only differ by it from others of their revision."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Whose metrics are asked for. The revisions are values of the pods' label `pod-template-hash`."""

    namespace: str
    workload: str
    stable_revision: str
    revision: str | None
    """The new revision; None while no pod of it exists."""
    pods: str = ""
    """A regular expression for the names of the pods that are asked about; none where their revision tells them."""

    def values(self) -> dict[str, str]:
        """What the placeholders of names stand for; those that are not known yet are left out.

        Raises:
            ValueError: a value is no Kubernetes name, so it must not get into a query.
        """
        given = {
            "namespace": self.namespace,
            "workload": self.workload,
            "revision": self.revision,
            "stable_revision": self.stable_revision,
        }
        known = {placeholder: value for placeholder, value in given.items() if value}
        for placeholder, value in known.items():
            if not names.is_name(value):
                raise ValueError(f"the {placeholder} of the order must be {names.NAME_RULE}")
        return known | ({PODS: self.pods} if self.pods else {})


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far back a query looks, beside the window that we choose for it."""

    fixed_s: float = 0.0
    """A look-back that the query's author wrote out, such as `[5m]`."""
    windows: int = 1
    """How many times it looks back by the window."""
    nested: bool = False
    """Whether one range may stand inside another: then all of them add up."""

    def looked_back_s(self, window_s: float) -> float:
        """How far the query looks back altogether, with such a window."""
        return self.fixed_s + self.windows * window_s if self.nested else max(self.fixed_s, window_s)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    query: str
    """As the provider rendered it."""
    subject: Subject
    window_s: float
    """How far the query may look back from `at_s`."""
    at_s: float
    not_before_s: float | None = None
    """From which moment on an answer that was asked for somebody else is of use, too; None: no other is."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One series' value. NaN and infinities are passed on as they came: `reading` refuses them."""

    value: float
    at_s: float
    labels: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    samples: tuple[Sample, ...]
    of_s: float | None = None
    """The moment that it was asked for, where that was for somebody else; None: the question's own."""


class RangeQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One query at several moments: `first_ms` and then each `spacing_ms`, in epoch milliseconds."""

    query: str
    subject: Subject
    first_ms: int
    spacing_ms: int
    """Also the oldest that a point may be: no two of them look back on the same time."""
    moments: int

    @property
    def last_ms(self) -> int:
        return self.first_ms + (self.moments - 1) * self.spacing_ms


class Point(NamedTuple):
    at_ms: int
    value: float


class Series(msgspec.Struct, frozen=True, kw_only=True):
    points: tuple[Point, ...]
    """As they came: whether they are those that were asked for, `pairing` says."""
    labels: dict[str, str] = {}


class RangeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    series: tuple[Series, ...]


Raw = bool | int | float | str | list["Raw"] | dict[str, "Raw"] | None
"""What JSON can say. A number that JSON brought is a float, as Go reads it; NaN and infinities are passed on."""


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider found, unjudged: what an Argo condition calls `result`."""

    raw: Raw
    metadata: Mapping[str, str] = {}
    """What Argo keeps beside a measurement, such as a server's warnings."""


class Unusable(msgspec.Struct, frozen=True):
    """No value that could be judged, and why. It never passes and never fails: it is doubt."""

    reason: str


class Unanswered(Unusable, frozen=True):
    """The provider gave no answer: it could not be asked, refused, or broke. Argo calls it an error."""


Reading = float | Unusable
