"""Rollouts as they are written, judged before the API server stores them. Pure; `app` serves it as a webhook.

Only a spec that is new, or changed, is judged: whoever labels a Rollout, or takes the finalizer off, is never kept from
it. A fault is told with its field, value, rule and remedy, in the version that was written, all of them at once. What
is accepted as Kruise accepts it, and can't be carried or counts for nothing, is a warning: kubectl shows it, in a dry
run as well.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from tidegate_chassis.admission import ALLOWED, AdmissionRequest, Verdict
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.workload import WorkloadReference
from tidegate_rollout_operator import conversion
from tidegate_rollout_operator.kruise import GROUP, ROLLING_STYLE, Rollout
from tidegate_rollout_operator.step_words import left_out
from tidegate_rollout_operator.translate import translate
from tidegate_rollout_operator.validation import problems_of, problems_of_update, workload_of
from tidegate_rollout_operator.validation_v1alpha1 import problems_of_former
from tidegate_rollout_operator.words_of_v1alpha1 import in_former_words

PATH: Final = "/validate-rollouts-kruise-io-rollout"
"""Kruise's own."""

OPERATIONS: Final = frozenset({"CREATE", "UPDATE"})
FORMER: Final = "v1alpha1"
"""Has rules of its own, and lets the number of steps change during a release, as v1beta1 doesn't."""

NOT_CARRIED: Final = "not carried, so that no guard is made or changed by it"

Others = Callable[[str], Iterable[Rollout]]
"""The Rollouts of a namespace, as far as they are known."""


class _Metadata(msgspec.Struct, frozen=True):
    annotations: dict[str, str] = {}


class _Stored(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}

    @property
    def style(self) -> str:
        return self.metadata.annotations.get(ROLLING_STYLE, "")


def judge(request: AdmissionRequest, others: Others) -> Verdict:
    """Whether a write of a Rollout may be stored.

    Args:
        request: The write that waits.
        others: Finds what else is in its namespace.
    """
    if request.operation not in OPERATIONS or request.sub_resource or request.kind.group != GROUP:
        return ALLOWED
    new = _stored(request.object)
    old = _stored(request.old_object)
    former = request.request_kind.version == FORMER
    if request.operation == "UPDATE" and old.spec == new.spec and not (former and old.style != new.style):
        return ALLOWED
    found = [*problems_of(new.spec, any_share=former), *_shared(request, new.spec, others)]
    if former:
        found += problems_of_former(new.metadata.annotations, new.spec)
    if request.operation == "UPDATE":
        found += problems_of_update(old.spec, new.spec, str(old.status.get("phase", "")), free_steps=former)
    words = _words(request)
    return _refused(request.name, list(map(words, found))) if found else _accepted(request, words)


def _words(request: AdmissionRequest) -> Callable[[Problem], Problem]:
    """How a fault reads in the version that was written."""
    if request.request_kind.version != FORMER:
        return lambda found: found
    written = conversion.converted(msgspec.json.decode(request.object), conversion.FORMER)["spec"]
    return lambda found: in_former_words(found, written)


def _accepted(request: AdmissionRequest, words: Callable[[Problem], Problem]) -> Verdict:
    try:
        rollout = msgspec.json.decode(request.object, type=Rollout)
    except msgspec.ValidationError as error:
        return Verdict(warnings=(f"it can't be read, so that nothing is guarded by it: {error}",))
    wanted = translate(rollout)
    if isinstance(wanted, tuple):
        return Verdict(warnings=tuple(f"{NOT_CARRIED}: {words(each)}" for each in wanted))
    unheard = tuple(f"{each} counts for nothing: the Ingress' class has no place for it" for each in left_out(rollout))
    return Verdict(warnings=unheard) if unheard else ALLOWED


def _stored(raw: msgspec.Raw) -> _Stored:
    return msgspec.json.decode(raw, type=_Stored | None) or _Stored()


def _shared(request: AdmissionRequest, spec: Mapping[str, Any], others: Others) -> Iterable[Problem]:
    """Two Rollouts can't both count for one workload, whatever version of its kind they name."""
    workload = workload_of(spec)
    for each in others(request.namespace):
        if each.metadata.name != request.name and _is_same(each.workload, workload):
            rule = "a workload that no other Rollout of the namespace references"
            remedy = f"Delete the Rollout {each.metadata.name} and wait until it is gone, or change that one."
            yield problem("spec.workloadRef", workload.name, rule, remedy)


def _is_same(one: WorkloadReference, other: WorkloadReference) -> bool:
    return (one.group, one.kind, one.name) == (other.group, other.kind, other.name)


def _refused(name: str, found: list[Problem]) -> Verdict:
    told = "; ".join(str(each) for each in found)
    causes = tuple({"field": each.field, "message": f"{each.value!r}: {each.rule}. {each.remedy}"} for each in found)
    return Verdict(refusal=f"Rollout {name} is invalid: {told}", causes=causes)
