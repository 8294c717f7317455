"""What is wrong with a request or a control, beyond what its types say: every fault at once, each with its remedy.

Pure; called by the orchestrator (which answers with an event) and by the `tidegate` command before it publishes.
Steps, traffic and analyses have their own modules; all of them word a fault with `problem`.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from tidegate_contracts import limits, names
from tidegate_contracts.codec import encode
from tidegate_contracts.controls import Approve, Control, JumpToStep, Replan
from tidegate_contracts.faults import depth
from tidegate_contracts.guards import Guard, GuardSet
from tidegate_contracts.plan import plan
from tidegate_contracts.problem import Problem, printable, problem
from tidegate_contracts.rollout import STYLES, Change, RolloutRequested
from tidegate_contracts.validate_analysis import analysis_problems, duration_problems
from tidegate_contracts.validate_bake import bake_problems
from tidegate_contracts.validate_baseline import baseline_problems
from tidegate_contracts.validate_comparison import background_problems
from tidegate_contracts.validate_metadata import POD_LABEL_RULE, is_pod_label, metadata_problems
from tidegate_contracts.validate_steps import step_problems, threshold_problems
from tidegate_contracts.validate_traffic import canary_service, traffic_problems
from tidegate_contracts.workload import WorkloadReference

__all__ = ["STRATEGIES", "canary_service", "validate", "validate_control", "validate_guard"]

STRATEGIES = STYLES


def validate(request: RolloutRequested, namespace: str) -> tuple[Problem, ...]:
    """The problems of a request that was published for `namespace`; none means that it can be planned."""
    found = tuple(islice(_problems(request, namespace), limits.PROBLEMS_MAX))
    return found or tuple(_size(request))


def validate_control(control: Control, namespace: str) -> tuple[Problem, ...]:
    """All problems of a control that was published for `namespace`, whatever rollout it is for."""
    found = tuple(islice(_control_problems(control), limits.PROBLEMS_MAX))
    if found or not isinstance(control, Replan):
        return found
    return tuple(replace(each, field=f"request.{each.field}") for each in validate(control.request, namespace))


def validate_guard(guard: Guard, namespace: str) -> tuple[Problem, ...]:
    """The problems of a guard that was published for a workload of `namespace`."""
    return tuple(islice(_guard_problems(guard, namespace), limits.PROBLEMS_MAX))


def _guard_problems(guard: Guard, namespace: str) -> Iterator[Problem]:
    yield from _author("by", guard.by)
    if not isinstance(guard, GuardSet):
        yield from _workload(guard.workload, namespace)
        return
    if guard.release_annotation and not names.is_key(guard.release_annotation):
        yield problem("release_annotation", guard.release_annotation, names.KEY_RULE, "Name an annotation, or none.")
    if guard.release_label and not is_pod_label(guard.release_label):
        yield problem("release_label", guard.release_label, POD_LABEL_RULE, "Name another label, or none.")
    request = guard.request
    if request.change is not None:
        rule = "left out in a guard: the change is whatever is made of the workload's template"
        yield problem("request.change", "given", rule, "Leave it out.")
    if request.rollout is not None:
        rule = "left out in a guard: each change becomes a rollout with an id of its own"
        yield problem("request.rollout", request.rollout, rule, "Leave it out.")
    for each in validate(request, namespace):
        yield replace(each, field=f"request.{each.field}")


def _problems(request: RolloutRequested, namespace: str) -> Iterator[Problem]:
    yield from _workload(request.workload, namespace)
    if request.rollout is not None and not names.is_label(request.rollout):
        yield problem("rollout", request.rollout, names.LABEL_RULE, "Choose another id, or leave it out.")
    if request.strategy not in STRATEGIES:
        yield problem("strategy", request.strategy, f"one of {', '.join(STRATEGIES)}", "Use one of these.")
    yield from metadata_problems(request)
    if request.change is not None:
        yield from _change(request.change)
    yield from threshold_problems(request)
    yield from step_problems(request)
    yield from baseline_problems(request)
    yield from traffic_problems(request.traffic)
    if request.analysis is not None:
        yield from analysis_problems("analysis", request.analysis)
        yield from background_problems("analysis", request.analysis, "the analysis of the whole rollout")
        if request.analysis.extend_once:
            rule = "false in the background, which has no end to be put off"
            yield problem("analysis.extend_once", "true", rule, "Leave it out, or put it into a step's analysis.")
    yield from _first_step(request)
    if request.bake is not None:
        yield from bake_problems(request.bake)
    for name in ("progress_s", "traffic_s", "analysis_s"):
        yield from duration_problems(f"deadlines.{name}", getattr(request.deadlines, name), least=1.0)
    yield from _author("requested_by", request.requested_by)
    yield from _reason("reason", request.reason)
    yield from _reason("paused_because", request.paused_because)


def _first_step(request: RolloutRequested) -> Iterator[Problem]:
    number, steps = request.analysis_from_step, max(1, len(request.steps))
    if not 1 <= number <= steps:
        rule = f"one of the rollout's {steps} steps, counted from 1"
        yield problem("analysis_from_step", number, rule, "Name the step that the analysis begins with.")
    elif request.analysis is None and number != 1:
        rule = "left out where there is no analysis of the whole rollout"
        yield problem("analysis_from_step", number, rule, "Leave it out, or say what is measured.")


def _size(request: RolloutRequested) -> Iterator[Problem]:
    """A small request may say a lot once every check of every step is spelt out, in the request and in its plan."""
    size = len(encode(request)) + sum(len(encode(step)) for step in plan(request))
    if size > limits.ACCEPTED_BYTES_MAX:
        rule = f"at most {limits.ACCEPTED_BYTES_MAX} bytes with its defaults and its plan"
        yield problem("message", f"{size} bytes", rule, "Use fewer steps, checks or matches.")


def _workload(workload: WorkloadReference, namespace: str) -> Iterator[Problem]:
    if not names.is_name(workload.name):
        yield problem("workload.name", workload.name, names.NAME_RULE, "Name an existing workload.")
    if not names.is_kind(workload.kind):
        yield problem("workload.kind", workload.kind, names.KIND_RULE, "Give the kind as its manifest does.")
    if not names.is_api_version(workload.api_version):
        yield problem(
            "workload.api_version", workload.api_version, names.API_VERSION_RULE, "Give it as its manifest does."
        )
    if workload.namespace is not None and workload.namespace != namespace:
        remedy = f"Publish to the subject of {printable(workload.namespace)}, or leave the field out."
        yield problem("workload.namespace", workload.namespace, f"the subject's namespace, {namespace}", remedy)


def _change(change: Change) -> Iterator[Problem]:
    if not change.images and change.template_patch is None:
        yield problem("change", "{}", "an image, a template_patch or both", "Say what is new, or leave change out.")
    if len(change.images) > limits.IMAGES_MAX:
        yield problem("change.images", len(change.images), f"at most {limits.IMAGES_MAX} images", "Change fewer.")
    for container, image in change.images.items():
        field = f"change.images.{printable(container)}"
        if not names.is_label(container):
            yield problem(field, container, f"a container's name, {names.LABEL_RULE}", "Name a container.")
        if not image or len(image) > limits.IMAGE_LENGTH_MAX or not names.is_visible(image):
            rule = f"an image reference of 1 to {limits.IMAGE_LENGTH_MAX} visible ASCII characters"
            yield problem(field, image, rule, "Give the image as a manifest does.")
    if change.template_patch is not None:
        yield from _patch(change.template_patch)


def _patch(patch: dict[str, Any]) -> Iterator[Problem]:
    if depth(patch, limits.PATCH_DEPTH_MAX) > limits.PATCH_DEPTH_MAX:
        rule = f"nested at most {limits.PATCH_DEPTH_MAX} deep"
        yield problem("change.template_patch", "too deep", rule, "Patch fewer levels.")
    elif (size := len(msgspec.json.encode(patch))) > limits.PATCH_BYTES_MAX:
        rule = f"at most {limits.PATCH_BYTES_MAX} bytes"
        yield problem("change.template_patch", f"{size} bytes", rule, "Patch only what changes.")
    if unknown := sorted(set(patch) - {"metadata", "spec"}):
        rule = "a pod template holds metadata and spec only"
        yield problem("change.template_patch", unknown[0], rule, "Start the patch below spec.template.")


def _control_problems(control: Control) -> Iterator[Problem]:
    yield from _author("by", control.by)
    yield from _reason("reason", control.reason)
    if isinstance(control, Approve | JumpToStep):
        step = control.step
        if step is not None and not 1 <= step <= limits.STEPS_MAX + 1:
            yield problem("step", step, "a step's number, counted from 1", "Look at `tidegate show` for the steps.")


def _reason(field: str, reason: str) -> Iterator[Problem]:
    if len(reason) > limits.REASON_LENGTH_MAX or not reason.isprintable():
        rule = f"at most {limits.REASON_LENGTH_MAX} printable characters"
        yield problem(field, reason, rule, "Say it shorter, on one line.")


def _author(field: str, author: str) -> Iterator[Problem]:
    if len(author) > limits.AUTHOR_LENGTH_MAX or not author.isprintable():
        rule = f"at most {limits.AUTHOR_LENGTH_MAX} printable characters"
        yield problem(field, author, rule, "Give a name or an address.")
