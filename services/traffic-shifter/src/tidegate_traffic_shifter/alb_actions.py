"""The words of AWS's Load Balancer Controller for actions and conditions, which are JSON in annotations. Pure.

Called by `routers.ingress_aws_alb`, which says where they stand in an Ingress.
"""

from typing import Any, Final

import msgspec

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import backends, matches
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.share import Share

TARGET_GROUPS: Final = Words(
    service="serviceName",
    identity=("serviceName", "servicePort", "targetGroupARN", "targetGroupName"),
    weight_max=999,
)
VALUE_LENGTH_MAX: Final = 128
"""Of a value in a condition."""

Action = dict[str, Any]
Path = dict[str, Any]
GATEWAY_TYPES: Final = {"Prefix": "PathPrefix", "Exact": "Exact"}
INGRESS_TYPES: Final = {"PathPrefix": "Prefix", "Exact": "Exact"}


def target_groups(text: str | None) -> list[Backend]:
    """Those that an action forwards to; none where it does something else, or isn't there."""
    action = _decoded(text)
    found: list[Backend] = (action.get("forwardConfig") or {}).get("targetGroups") or []
    return found


def with_target_groups(text: str, groups: list[Backend]) -> str:
    """The same action with other target groups."""
    action = _decoded(text)
    return _encoded(action | {"forwardConfig": (action.get("forwardConfig") or {}) | {"targetGroups": groups}})


def forwards_to(text: str | None, namespace: str, service: str) -> bool:
    return backends.holds(target_groups(text), TARGET_GROUPS, namespace, service)


def divided(text: str, namespace: str, share: Share) -> str:
    return with_target_groups(text, backends.divided(target_groups(text), TARGET_GROUPS, namespace, share))


def to_canary(text: str, namespace: str, share: Share) -> str:
    return with_target_groups(text, backends.to_canary(target_groups(text), TARGET_GROUPS, namespace, share))


def undivided(edited: str, original: str | None, namespace: str, share: Share) -> str:
    """The user's own action out of an edited one."""
    before, found = [target_groups(original)], target_groups(edited)
    return with_target_groups(edited, backends.undivided(found, before, TARGET_GROUPS, namespace, share))


def path_in_front(path: Path, wanted: HttpMatch) -> Path | None:
    """The user's path narrowed by the match's; None where no path is in both, or can't be said."""
    kind = path.get("pathType", "ImplementationSpecific")
    own = {"path": {"type": GATEWAY_TYPES.get(kind, kind), "value": path.get("path", "/")}}
    narrowed = matches.http(own, wanted)
    if narrowed is None or not _is_sayable(wanted):
        return None
    found = narrowed["path"]
    return path | {"path": found["value"], "pathType": INGRESS_TYPES.get(found["type"], kind)}


def conditions(own: str | None, wanted: HttpMatch) -> str | None:
    """The user's own conditions and those of the match, all of which must hold; a path is said elsewhere."""
    found = _conditions(own) or []
    headers = [
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": name, "values": [value]}}
        for name, value in wanted.headers.items()
    ]
    queries = [
        {"field": "query-string", "queryStringConfig": {"values": [{"key": name, "value": _literal(value)}]}}
        for name, value in wanted.query.items()
    ]
    every = [*found, *headers, *queries]
    return _encoded(every) if every else None


def are_readable(own: str | None) -> bool:
    """Whether conditions of the user's own can be added to."""
    return _conditions(own) is not None


def _conditions(text: str | None) -> list[Any] | None:
    try:
        found = msgspec.json.decode(text or "[]")
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, list) else None


def _is_sayable(wanted: HttpMatch) -> bool:
    """A header's value and a path have wildcards in them that nothing makes literal."""
    texts = [*wanted.headers.values(), wanted.path_exact or "", wanted.path_prefix or ""]
    return not any("*" in text or "?" in text for text in texts) and all(
        len(text) <= VALUE_LENGTH_MAX for text in (*texts, *wanted.query.values())
    )


def _literal(value: str) -> str:
    """A query's value with its wildcards made literal."""
    return value.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _decoded(text: str | None) -> Action:
    try:
        found = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()
