"""What is wrong with a Rollout as it is written, by Kruise's own rules: every fault at once, each with its remedy.

Pure; called by `reviews` for the API server, before the Rollout is stored. What Kruise accepts is accepted; what we
can't carry yet is told afterwards, by `translate`, in the status. Rules and numbers are those of Kruise Rollouts own
validating webhook for v1beta1, but for what docs/kruise.md names.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_contracts.problem import Problem, problem
from tidegate_contracts.workload import WorkloadReference

Json = Mapping[str, Any]

PARTITION_PERCENT_LIMIT: Final = 50
"""Kruise's own default: with more new pods than that, the rest may be too few for the traffic that they still get."""

KINDS: Final = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("apps.kruise.io", "CloneSet"),
        ("apps.kruise.io", "StatefulSet"),
        ("apps.kruise.io", "DaemonSet"),
    }
)
DEPLOYMENT: Final = ("apps", "Deployment")
BLUE_GREEN_KINDS: Final = frozenset({DEPLOYMENT, ("apps.kruise.io", "CloneSet")})
NATIVE_GROUPS: Final = frozenset({"", "apps", "apps.kruise.io", "batch"})
"""Groups of which all kinds are known: what isn't among `KINDS` there is nothing that has replicas to roll out."""

BLOCKS: Final = ("canary", "blueGreen")
FIXED_PHASES: Final = frozenset({"Progressing", "Terminating"})
UNDER_WAY: Final = "as it was, since a release is under way"
AMOUNT: Final = 'a count above 0, or "1%" to "100%"'
GIVEN: Final = "given in every step"
GIVE_AN_AMOUNT: Final = 'Write 3 or "20%".'
GIVE_A_SHARE: Final = 'Write "20%".'
NEED_FEWER: Final = "Leave traffic and matches out of this step, or use canary."
_PERCENT: Final = re.compile(r"([0-9]+)%", re.ASCII)


def problems_of(spec: Json, *, any_share: bool = False) -> tuple[Problem, ...]:
    """The problems of a Rollout's spec by itself; `any_share`: whatever share of the traffic a step asks for."""
    return tuple(_problems(spec, any_share=any_share))


def problems_of_update(old: Json, new: Json, phase: str, *, free_steps: bool = False) -> tuple[Problem, ...]:
    """Those of a new spec in place of an old one, of a Rollout that is in this phase; `free_steps`: of any number."""
    return tuple(_fixed(old, new, free_steps=free_steps)) if phase in FIXED_PHASES else ()


def workload_of(spec: Json) -> WorkloadReference:
    """What is referenced, as far as it is given."""
    reference = _block(spec, "workloadRef")
    name, kind, api_version = (str(reference.get(each) or "") for each in ("name", "kind", "apiVersion"))
    return WorkloadReference(name=name, kind=kind, api_version=api_version)


def _problems(spec: Json, *, any_share: bool) -> Iterator[Problem]:
    strategy = _block(spec, "strategy")
    named = [block for block in BLOCKS if strategy.get(block) is not None]
    yield from _workload(spec, named)
    if len(named) != 1:
        value = " and ".join(named) or "neither"
        yield problem("spec.strategy", value, "exactly one of canary and blueGreen", "Give one of them.")
        return
    block, at = _block(strategy, named[0]), f"spec.strategy.{named[0]}"
    steps, routings = _list(block, "steps"), _list(block, "trafficRoutings")
    if not steps:
        yield problem(f"{at}.steps", "none", "at least one step", "Say how many pods the first step has.")
    if len(routings) > 1:
        yield problem(f"{at}.trafficRoutings", len(routings), "at most one", "Leave one of them.")
    for index, routing in enumerate(routings):
        yield from _routing(f"{at}.trafficRoutings[{index}]", routing)
    least = 0 if named[0] == "blueGreen" else 1
    for index, step in enumerate(steps):
        yield from _replicas(f"{at}.steps[{index}]", step)
        if _is_in_place(spec):
            yield from _too_many(f"{at}.steps[{index}]", step)
        if not any_share:
            yield from _traffic(f"{at}.steps[{index}]", step.get("traffic"), least=least)
    yield from _falling(at, steps)


def _workload(spec: Json, named: list[str]) -> Iterator[Problem]:
    workload = workload_of(spec)
    group, kind = workload.group, workload.kind
    if not workload.name:
        yield problem("spec.workloadRef.name", "none", "the name of a workload in this namespace", "Name one.")
    known = (group, kind) in KINDS or (kind and group not in NATIVE_GROUPS)
    if not known:
        rule = "one of " + ", ".join(sorted(f"{each[0]} {each[1]}" for each in KINDS)) + ", or like a StatefulSet"
        yield problem("spec.workloadRef", f"{group} {kind}", rule, "Reference one of these.")
    elif named == ["blueGreen"] and (group, kind) not in BLUE_GREEN_KINDS:
        rule = "a Deployment or a CloneSet, where the strategy is blueGreen"
        yield problem("spec.workloadRef", f"{group} {kind}", rule, "Use canary for this kind.")


def _replicas(at: str, step: Json) -> Iterator[Problem]:
    replicas = step.get("replicas")
    if replicas is None:
        yield problem(f"{at}.replicas", "none", GIVEN, GIVE_AN_AMOUNT)
    elif not _is_amount(replicas, percent_of(replicas)):
        yield problem(f"{at}.replicas", replicas, AMOUNT, GIVE_AN_AMOUNT)


def _is_in_place(spec: Json) -> bool:
    """Whether no extra workload brings the new pods; only a Deployment gets one."""
    block, workload = _block(spec, "strategy").get(BLOCKS[0]), workload_of(spec)
    is_asked_for = isinstance(block, Mapping) and bool(block.get("enableExtraWorkloadForCanary"))
    return block is not None and not (is_asked_for and (workload.group, workload.kind) == DEPLOYMENT)


def _too_many(at: str, step: Json) -> Iterator[Problem]:
    """More new pods than the rest can do without, where no extra workload brings them."""
    gets_traffic = step.get("traffic") is not None or bool(step.get("matches"))
    percent = percent_of(step.get("replicas"))
    if gets_traffic and percent is not None and percent > PARTITION_PERCENT_LIMIT:
        rule = f"at most {PARTITION_PERCENT_LIMIT}% in a step with traffic, without an extra workload"
        yield problem(f"{at}.replicas", step.get("replicas"), rule, NEED_FEWER)


def _traffic(at: str, traffic: Any, *, least: int) -> Iterator[Problem]:
    percent = percent_of(traffic)
    if traffic is not None and (percent is None or not least <= percent <= WHOLE_PERCENT):
        yield problem(f"{at}.traffic", traffic, f'"{least}%" to "100%"', GIVE_A_SHARE)


def _falling(at: str, steps: list[Json]) -> Iterator[Problem]:
    """Counts and percentages can't be compared with each other."""
    for index in range(1, len(steps)):
        before, after = steps[index - 1].get("replicas"), steps[index].get("replicas")
        pairs = ((before, after), (percent_of(before), percent_of(after)))
        if any(type(one) is int and type(other) is int and other < one for one, other in pairs):
            rule = f"at least the {before} of the step before"
            yield problem(f"{at}.steps[{index}].replicas", after, rule, "Let steps grow.")


def _routing(at: str, routing: Json) -> Iterator[Problem]:
    grace = routing.get("gracePeriodSeconds")
    if type(grace) is int and grace < 0:
        yield problem(f"{at}.gracePeriodSeconds", grace, "0 or more", "Give the seconds that proxies need.")
    if not routing.get("service"):
        yield problem(f"{at}.service", "none", "the name of the Service behind the route", "Name it.")
    ingress, gateway = routing.get("ingress"), routing.get("gateway")
    if ingress is None and gateway is None and routing.get("customNetworkRefs") is None:
        rule = "at least one of ingress, gateway and customNetworkRefs"
        yield problem(at, "none of them", rule, "Say through what the traffic comes.")
    if isinstance(ingress, Mapping) and not ingress.get("name"):
        yield problem(f"{at}.ingress.name", "none", "the name of an Ingress", "Name it.")
    if isinstance(gateway, Mapping) and not gateway.get("httpRouteName"):
        yield problem(f"{at}.gateway.httpRouteName", "none", "the name of an HTTPRoute", "Name it.")


def _fixed(old: Json, new: Json, *, free_steps: bool) -> Iterator[Problem]:
    """What a release that is under way stands on."""
    remedy = "Wait for its end, or disable the Rollout first."
    if old.get("workloadRef") != new.get("workloadRef"):
        yield problem("spec.workloadRef", workload_of(new).name, UNDER_WAY, remedy)
    (style, before), (new_style, after) = _styled(old), _styled(new)
    if style != new_style:
        yield problem("spec.strategy", new_style, UNDER_WAY, remedy)
        return
    at = f"spec.strategy.{'blueGreen' if style == 'blueGreen' else 'canary'}"
    if before.get("trafficRoutings") != after.get("trafficRoutings"):
        yield problem(f"{at}.trafficRoutings", "another one", UNDER_WAY, remedy)
    count, new_count = len(_list(before, "steps")), len(_list(after, "steps"))
    if count != new_count and not free_steps:
        yield problem(f"{at}.steps", f"{new_count} steps", f"{count} of them, since a release is under way", remedy)


def _styled(spec: Json) -> tuple[str, Json]:
    """The style as Kruise names it, and its block."""
    strategy = _block(spec, "strategy")
    if strategy.get("blueGreen") is not None:
        return "blueGreen", _block(strategy, "blueGreen")
    block = _block(strategy, "canary")
    return ("canary" if block.get("enableExtraWorkloadForCanary") else "partition"), block


def _is_amount(replicas: Any, percent: int | None) -> bool:
    if type(replicas) is int:
        return replicas > 0
    return percent is not None and 0 < percent <= WHOLE_PERCENT


def percent_of(value: Any) -> int | None:
    """The number of a percentage; None of anything else."""
    found = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    return int(found.group(1)) if found is not None else None


def _block(parent: Json, name: str) -> Json:
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(parent: Json, name: str) -> list[Json]:
    found = parent.get(name)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
