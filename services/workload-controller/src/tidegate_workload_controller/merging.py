"""A strategic-merge patch of a pod template, merged by us: the API server can't merge lists of custom resources.

Pure; `kinds` use it where their API server doesn't merge by itself. The rules and the merge keys are those of
Kubernetes' own API types: maps merge, lists of named things merge by their key, all other lists are replaced, null
removes, and the directives `$patch: delete`, `$patch: replace` and `$deleteFromPrimitiveList` are obeyed. Source: the
`patchMergeKey` and `patchStrategy` tags of `k8s.io/api/core/v1`.
"""

from typing import Any, Final

Json = dict[str, Any]

MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "resourceClaims": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}
"""The lists of a pod that merge, by field, and what their entries are known by."""

PRIMITIVE_LISTS: Final = frozenset({"finalizers"})
DIRECTIVE: Final = "$patch"
DELETE_PRIMITIVES: Final = "$deleteFromPrimitiveList/"
ORDER: Final = "$setElementOrder/"


def merged(base: Json, patch: Json) -> Json:
    """The base with the patch on it; neither is changed."""
    if patch.get(DIRECTIVE) == "replace":
        return _without_directive(patch)
    result = dict(base)
    for name, value in patch.items():
        if name == DIRECTIVE or name.startswith(ORDER):
            continue
        if name.startswith(DELETE_PRIMITIVES):
            field = name.removeprefix(DELETE_PRIMITIVES)
            result[field] = [entry for entry in result.get(field) or () if entry not in value]
        elif value is None or (isinstance(value, dict) and value.get(DIRECTIVE) == "delete"):
            result.pop(name, None)
        else:
            result[name] = _merged_value(name, result.get(name), value)
    return result


def _merged_value(name: str, base: Any, value: Any) -> Any:
    if isinstance(value, dict):
        return merged(base if isinstance(base, dict) else {}, value)
    if isinstance(value, list) and name in MERGE_KEYS:
        return _merged_list(MERGE_KEYS[name], base if isinstance(base, list) else [], value)
    if isinstance(value, list) and name in PRIMITIVE_LISTS:
        return [*(base or ()), *(entry for entry in value if entry not in (base or ()))]
    return value


def _merged_list(key: str, base: list[Any], patch: list[Any]) -> list[Any]:
    if any(_is_directive(entry, "replace") for entry in patch):
        return [entry for entry in patch if not _is_directive(entry, "replace")]
    result = list(base)
    for entry in patch:
        at = next((index for index, known in enumerate(result) if _known_by(known, key) == _known_by(entry, key)), None)
        if _is_directive(entry, "delete"):
            result = [known for known in result if _known_by(known, key) != _known_by(entry, key)]
        elif at is None:
            result.append(merged({}, entry) if isinstance(entry, dict) else entry)
        else:
            result[at] = merged(result[at], entry)
    return result


def _known_by(entry: Any, key: str) -> Any:
    return entry.get(key) if isinstance(entry, dict) else entry


def _is_directive(entry: Any, directive: str) -> bool:
    return isinstance(entry, dict) and entry.get(DIRECTIVE) == directive


def _without_directive(patch: Json) -> Json:
    return {name: value for name, value in patch.items() if name != DIRECTIVE}
