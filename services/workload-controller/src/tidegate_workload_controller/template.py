"""Pod templates as plain JSON: their digest, and the patch that a change means.

Pure. `kinds` digest what they read and tries changes with it; `patches` sends them.
"""

import hashlib
from typing import Any

import msgspec

from tidegate_contracts.problem import Problem, printable
from tidegate_contracts.rollout import Change
from tidegate_workload_controller.marks import POD_TEMPLATE_HASH
from tidegate_workload_controller.merging import merged

Json = dict[str, Any]

CONTAINER_LISTS = ("containers", "initContainers")


def digest(template: Json) -> str:
    """The same for a workload's template and for what its native controller keeps of it, in a revision's object."""
    return hashlib.sha256(msgspec.json.encode(_as_kept(without_hash(template)), order="sorted")).hexdigest()


def _as_kept(template: Json) -> Json:
    """A custom resource's template is kept by its controller with the one field that Go always writes, if empty."""
    spec = template.get("spec") or {}
    lists = {part: [{"resources": {}, **entry} for entry in _containers(spec, part)] for part in CONTAINER_LISTS}
    return {**template, "spec": {**spec, **{part: entries for part, entries in lists.items() if entries}}}


def without_hash(template: Json) -> Json:
    """A template without the label by which the native controller tells revisions apart."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    kept = {name: value for name, value in metadata.items() if name != "labels" and value is not None}
    return {**template, "metadata": {**kept, **({"labels": labels} if labels else {})}}


def unknown_container(template: Json, change: Change) -> Problem | None:
    """A container that the change names and the workload hasn't got, nor gets by the change's own patch."""
    known = {*container_names(template), *container_names(change.template_patch or {})}
    for name, image in change.images.items():
        if name not in known:
            return Problem(
                field=f"change.images.{printable(name)}",
                value=printable(image),
                rule=f"names one of the workload's containers: {', '.join(sorted(known))}",
                remedy="Name an existing container.",
            )
    return None


def container_names(template: Json) -> list[str]:
    spec = template.get("spec")
    return [entry["name"] for part in CONTAINER_LISTS for entry in _containers(spec, part)]


def change_patch(template: Json, change: Change) -> Json:
    """The change as a strategic-merge patch of the template: the images on top of the change's own patch."""
    patch = dict(change.template_patch or {})
    if not change.images:
        return patch
    spec = dict(patch.get("spec") or {})
    for name, image in change.images.items():
        part = _list_of(name, template, patch)
        entries = list(spec.get(part) or ())
        named = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
        others = [entry for entry in entries if entry not in named]
        spec[part] = [*others, {**(named[0] if named else {}), "name": name, "image": image}]
    return {**patch, "spec": spec}


def changed(template: Json, change: Change) -> Json:
    """The template with the change on it, for API servers that can't merge it themselves."""
    return merged(template, change_patch(template, change))


def _list_of(name: str, *templates: Json) -> str:
    for part in CONTAINER_LISTS:
        if any(entry["name"] == name for template in templates for entry in _containers(template.get("spec"), part)):
            return part
    return CONTAINER_LISTS[0]


def _containers(spec: Any, part: str) -> list[Json]:
    entries = spec.get(part) if isinstance(spec, dict) else None
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str)]
