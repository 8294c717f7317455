"""What is wrong with a request, beyond what its types say: every fault at once, each with its remedy.

Pure; called by the orchestrator (which answers with a rejected event) and by `tidegate request --dry-run`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from tidegate_contracts import limits, names
from tidegate_contracts.plan import parse_target
from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import Analysis, Change, Check, RolloutRequested, Step, TrafficReference

STRATEGIES = ("partition",)
PERCENT_MAX = 100


def validate(request: RolloutRequested, namespace: str) -> tuple[Problem, ...]:
    """All problems of a request that was published for `namespace`; none means that it can be planned."""
    return tuple(_problems(request, namespace))


def _problems(request: RolloutRequested, namespace: str) -> Iterator[Problem]:
    yield from _workload(request, namespace)
    if request.rollout is not None and not names.is_label(request.rollout):
        yield _problem("rollout", request.rollout, names.LABEL_RULE, "Choose another id, or leave it out.")
    if request.strategy not in STRATEGIES:
        yield _problem("strategy", request.strategy, f"one of {', '.join(STRATEGIES)}", "Use one of these.")
    if request.change is not None:
        yield from _change(request.change)
    yield from _steps(request)
    yield from _traffic(request.traffic)
    if request.analysis is not None:
        yield from _analysis("analysis", request.analysis)
    for name in ("progress_s", "traffic_s", "analysis_s"):
        yield from _duration(f"deadlines.{name}", getattr(request.deadlines, name), least=1.0)


def _problem(field: str, value: object, rule: str, remedy: str) -> Problem:
    return Problem(field=field, value=printable(value), rule=rule, remedy=remedy)


def _workload(request: RolloutRequested, namespace: str) -> Iterator[Problem]:
    workload = request.workload
    if not names.is_name(workload.name):
        yield _problem("workload.name", workload.name, names.NAME_RULE, "Name an existing workload.")
    if not names.is_kind(workload.kind):
        yield _problem("workload.kind", workload.kind, names.KIND_RULE, "Give the kind as its manifest does.")
    if not names.is_api_version(workload.api_version):
        yield _problem(
            "workload.api_version", workload.api_version, names.API_VERSION_RULE, "Give it as its manifest does."
        )
    if workload.namespace is not None and workload.namespace != namespace:
        remedy = f"Publish to the subject of {printable(workload.namespace)}, or leave the field out."
        yield _problem("workload.namespace", workload.namespace, f"the subject's namespace, {namespace}", remedy)


def _change(change: Change) -> Iterator[Problem]:
    if not change.images and change.template_patch is None:
        yield _problem("change", "{}", "an image, a template_patch or both", "Say what is new, or leave change out.")
    if len(change.images) > limits.IMAGES_MAX:
        yield _problem("change.images", len(change.images), f"at most {limits.IMAGES_MAX} images", "Change fewer.")
    for container, image in change.images.items():
        field = f"change.images.{printable(container)}"
        if not names.is_label(container):
            yield _problem(field, container, f"a container's name, {names.LABEL_RULE}", "Name a container.")
        if not image or len(image) > limits.IMAGE_LENGTH_MAX or not names.is_visible(image):
            rule = f"an image reference of 1 to {limits.IMAGE_LENGTH_MAX} visible ASCII characters"
            yield _problem(field, image, rule, "Give the image as a manifest does.")
    if change.template_patch is not None:
        yield from _patch(change.template_patch)


def _patch(patch: dict[str, Any]) -> Iterator[Problem]:
    if _depth(patch) > limits.PATCH_DEPTH_MAX:
        rule = f"nested at most {limits.PATCH_DEPTH_MAX} deep"
        yield _problem("change.template_patch", "too deep", rule, "Patch fewer levels.")
    elif (size := len(msgspec.json.encode(patch))) > limits.PATCH_BYTES_MAX:
        rule = f"at most {limits.PATCH_BYTES_MAX} bytes"
        yield _problem("change.template_patch", f"{size} bytes", rule, "Patch only what changes.")
    if unknown := sorted(set(patch) - {"metadata", "spec"}):
        rule = "a pod template holds metadata and spec only"
        yield _problem("change.template_patch", unknown[0], rule, "Start the patch below spec.template.")


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= limits.PATCH_DEPTH_MAX:
        depth += 1
        level = [child for node in level for child in _children(node)]
    return depth


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return list(node) if isinstance(node, list) else []


def _steps(request: RolloutRequested) -> Iterator[Problem]:
    if not 1 <= len(request.steps) <= limits.STEPS_MAX:
        rule = f"1 to {limits.STEPS_MAX} steps"
        yield _problem("steps", f"{len(request.steps)} steps", rule, "Give that many.")
        return
    percent, count, weight = 0, 0, 0
    for index, step in enumerate(request.steps):
        field = f"steps[{index}]"
        yield from _step(field, step, has_traffic=bool(request.traffic))
        target = parse_target(step.replicas)
        if target is not None and target.percent is not None:
            yield from _not_falling(f"{field}.replicas", target.percent, percent)
            percent = max(percent, target.percent)
        elif target is not None and target.count is not None:
            yield from _not_falling(f"{field}.replicas", target.count, count)
            count = max(count, target.count)
        if step.traffic is not None and step.traffic.weight_percent is not None:
            yield from _not_falling(f"{field}.traffic.weight_percent", step.traffic.weight_percent, weight)
            weight = max(weight, step.traffic.weight_percent)


def _not_falling(field: str, value: int, before: int) -> Iterator[Problem]:
    if value < before:
        yield _problem(field, value, f"not below the step before ({before})", "Put the steps in rising order.")


def _step(field: str, step: Step, *, has_traffic: bool) -> Iterator[Problem]:
    target = parse_target(step.replicas)
    most, least = (limits.COUNT_MAX, 1) if isinstance(step.replicas, int) else (PERCENT_MAX, 1)
    number = None if target is None else (target.count if target.count is not None else target.percent)
    if number is None or not least <= number <= most:
        rule = f"a count of 1 to {limits.COUNT_MAX}, or a whole percentage from 1% to 100%"
        yield _problem(f"{field}.replicas", step.replicas, rule, 'Write 3 or "20%".')
    if step.pause is not None and step.pause.duration_s is not None:
        yield from _duration(f"{field}.pause.duration_s", step.pause.duration_s, least=0.0)
    if step.traffic is not None:
        yield from _step_traffic(f"{field}.traffic", step, has_traffic=has_traffic)
    if step.analysis is not None:
        yield from _analysis(f"{field}.analysis", step.analysis)


def _step_traffic(field: str, step: Step, *, has_traffic: bool) -> Iterator[Problem]:
    assert step.traffic is not None, "the caller looked"
    weight, matches = step.traffic.weight_percent, step.traffic.matches
    if not has_traffic:
        remedy = "Add a route to the request's traffic, or leave the step's traffic out."
        yield _problem(field, "given", "only where the request names its routes in traffic", remedy)
    if weight is not None and not 0 <= weight <= PERCENT_MAX:
        yield _problem(f"{field}.weight_percent", weight, "0 to 100", "Give a whole percentage.")
    if len(matches) > limits.MATCHES_MAX:
        yield _problem(f"{field}.matches", len(matches), f"at most {limits.MATCHES_MAX}", "Give fewer.")
    for index, match in enumerate(matches):
        if not match.headers and not match.query and match.path_prefix is None:
            yield _problem(f"{field}.matches[{index}]", "{}", "a header, a query or a path", "Say what to match.")


def _traffic(references: tuple[TrafficReference, ...]) -> Iterator[Problem]:
    if len(references) > limits.TRAFFIC_REFERENCES_MAX:
        rule = f"at most {limits.TRAFFIC_REFERENCES_MAX} routes"
        yield _problem("traffic", len(references), rule, "Name fewer routes.")
    for index, reference in enumerate(references):
        field = f"traffic[{index}]"
        if not names.is_name(reference.route):
            yield _problem(f"{field}.route", reference.route, names.NAME_RULE, "Name an existing route.")
        if not names.is_label(reference.router):
            yield _problem(f"{field}.router", reference.router, names.LABEL_RULE, "Name a router's plugin.")
        services = {"service": reference.service, "canary_service": canary_service(reference)}
        for part, service in services.items():
            if not names.is_label(service):
                yield _problem(f"{field}.{part}", service, names.LABEL_RULE, "Name a Service.")
        if services["service"] == services["canary_service"]:
            rule = "another Service than the stable one"
            yield _problem(f"{field}.canary_service", reference.service, rule, "Choose another name.")
        yield from _duration(f"{field}.grace_s", reference.grace_s, least=0.0, most=limits.GRACE_S_MAX)


def canary_service(reference: TrafficReference) -> str:
    """The name of the Service that the router makes for the new version's pods."""
    return reference.canary_service or f"{reference.service}-canary"


def _analysis(field: str, analysis: Analysis) -> Iterator[Problem]:
    if not analysis.checks and analysis.pod_health is None:
        yield _problem(field, "{}", "a check or pod_health", "Say what to check, or leave it out.")
    if len(analysis.checks) > limits.CHECKS_MAX:
        yield _problem(f"{field}.checks", len(analysis.checks), f"at most {limits.CHECKS_MAX}", "Give fewer.")
    seen: set[str] = set()
    for index, check in enumerate(analysis.checks):
        yield from _check(f"{field}.checks[{index}]", check)
        if check.name in seen:
            yield _problem(f"{field}.checks[{index}].name", check.name, "a name of its own", "Choose another.")
        seen.add(check.name)


def _check(field: str, check: Check) -> Iterator[Problem]:
    for part in ("name", "provider"):
        if not names.is_label(getattr(check, part)):
            yield _problem(f"{field}.{part}", getattr(check, part), names.LABEL_RULE, "Choose another name.")
    for part in ("query", "minimum_samples_query"):
        query = getattr(check, part)
        if query is not None and not 1 <= len(query) <= limits.QUERY_LENGTH_MAX:
            rule = f"1 to {limits.QUERY_LENGTH_MAX} characters"
            yield _problem(f"{field}.{part}", f"{len(query)} characters", rule, "Give a query.")
    if check.minimum is None and check.maximum is None:
        yield _problem(f"{field}.minimum", None, "a minimum, a maximum or both", "Say which values are good.")
    elif check.minimum is not None and check.maximum is not None and check.minimum > check.maximum:
        yield _problem(f"{field}.minimum", check.minimum, f"not above the maximum ({check.maximum})", "Swap them.")
    for part in ("count", "failure_limit", "inconclusive_limit"):
        if not 1 <= getattr(check, part) <= limits.EVENTS_PER_ROLLOUT_MAX:
            yield _problem(f"{field}.{part}", getattr(check, part), "1 to 2000", "Give a number in that range.")
    yield from _duration(f"{field}.interval_s", check.interval_s, least=0.1)
    yield from _duration(f"{field}.window_s", check.window_s, least=1.0)
    yield from _duration(f"{field}.initial_delay_s", check.initial_delay_s, least=0.0)


def _duration(field: str, value: float, *, least: float, most: float = limits.DURATION_S_MAX) -> Iterator[Problem]:
    if not least <= value <= most:
        yield _problem(field, value, f"{least:g} to {most:g} seconds", "Give a duration in that range.")
