"""What is wrong with the labels and annotations that a request adds to new pods. Called by `validate`."""

from collections.abc import Iterator, Mapping
from typing import Final

from tidegate_contracts import limits, names
from tidegate_contracts.problem import Problem, printable, problem
from tidegate_contracts.rollout import BATCH, CanaryMetadata, RolloutRequested

OWN_PREFIX: Final = "tidegate.io/"
OWN_LABELS: Final = ("pod-template-hash",)
OTHERS: Final = ("kubernetes.io", "k8s.io")
"""Domains whose labels select pods, or tell what they belong to."""

POD_LABEL_RULE: Final = "a label with a prefix of its owner's, such as example.com/batch, that no selector uses"


def metadata_problems(request: RolloutRequested) -> Iterator[Problem]:
    yield from _pod_labels(request.pod_labels)
    yield from _canary_metadata(request)


def is_pod_label(name: str) -> bool:
    """Whether pods that are there may get it: a label that a selector looks at would take them from their workload."""
    domain, slash, _ = name.partition("/")
    taken = name.startswith(OWN_PREFIX) or any(domain == each or domain.endswith(f".{each}") for each in OTHERS)
    return names.is_key(name) and bool(slash) and not taken


def _pod_labels(labels: Mapping[str, str]) -> Iterator[Problem]:
    if len(labels) > limits.METADATA_MAX:
        yield problem("pod_labels", len(labels), f"at most {limits.METADATA_MAX}", "Add fewer.")
    for name, value in labels.items():
        field = f"pod_labels.{printable(name)}"
        if not is_pod_label(name):
            yield problem(field, name, POD_LABEL_RULE, "Choose another name.")
        if not names.is_label_value(value.replace(BATCH, str(limits.STEPS_MAX))):
            yield problem(field, value, names.LABEL_VALUE_RULE, "Give another value.")


def _canary_metadata(request: RolloutRequested) -> Iterator[Problem]:
    metadata = request.canary_metadata
    if metadata is None:
        return
    if request.strategy != "canary":
        rule = "only with the strategy canary, whose new pods have a Deployment of their own"
        yield problem("canary_metadata", "given", rule, "Leave it out, or choose that strategy.")
    if not metadata.labels and not metadata.annotations:
        yield problem("canary_metadata", "{}", "labels, annotations or both", "Say what to add, or leave it out.")
    yield from _labels(metadata)
    yield from _annotations(metadata)


def _labels(metadata: CanaryMetadata) -> Iterator[Problem]:
    yield from _names("canary_metadata.labels", metadata.labels)
    for name, value in metadata.labels.items():
        if not names.is_label_value(value):
            field = f"canary_metadata.labels.{printable(name)}"
            yield problem(field, value, names.LABEL_VALUE_RULE, "Give another value, or make it an annotation.")


def _annotations(metadata: CanaryMetadata) -> Iterator[Problem]:
    yield from _names("canary_metadata.annotations", metadata.annotations)
    for name, value in metadata.annotations.items():
        size = len(value.encode())
        if size > limits.ANNOTATION_BYTES_MAX:
            rule = f"at most {limits.ANNOTATION_BYTES_MAX} bytes"
            yield problem(f"canary_metadata.annotations.{printable(name)}", f"{size} bytes", rule, "Say it shorter.")


def _names(field: str, pairs: Mapping[str, str]) -> Iterator[Problem]:
    if len(pairs) > limits.METADATA_MAX:
        yield problem(field, len(pairs), f"at most {limits.METADATA_MAX}", "Add fewer.")
    for name in pairs:
        at = f"{field}.{printable(name)}"
        if not names.is_key(name):
            yield problem(at, name, names.KEY_RULE, "Name it as a manifest does.")
        elif name.startswith(OWN_PREFIX) or name in OWN_LABELS:
            yield problem(at, name, "a name that neither Kubernetes nor Tidegate sets itself", "Choose another name.")
