"""A Gateway API rule that copies requests to the new version, and the rule without. Pure. Called by `gateway_rules`.

The answers to copies are thrown away by the gateway: nobody waits for them.
"""

from typing import Any, Final

from tidegate_contracts.plan import WHOLE_PERCENT
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share

MIRROR: Final = "RequestMirror"
FIELD: Final = "requestMirror"
NAMED_BY: Final = ("group", "kind", "namespace", "port")
"""What names a backend beside its name: a mirror has no weight and no filters."""


def mirrored(rule: Rule, share: Share) -> Rule:
    """The rule with a filter that copies; a share of copies asks for a Gateway API of 1.3 or later."""
    canary = next(each for each in rule["backendRefs"] if each["name"] == share.canary_service)
    backend = {name: canary[name] for name in NAMED_BY if name in canary} | {"name": share.canary_service}
    share_of = {"percent": share.mirror_percent} if share.mirror_percent < WHOLE_PERCENT else {}
    ours = {"type": MIRROR, FIELD: {"backendRef": backend} | share_of}
    return rule | {"filters": [*(rule.get("filters") or []), ours]}


def unmirrored(rule: Rule, share: Share) -> Rule:
    """The rule without the filter; as it is where it has none."""
    filters = rule.get("filters") or []
    kept = [each for each in filters if not _is_ours(each, share)]
    if len(kept) == len(filters):
        return rule
    return {name: part for name, part in rule.items() if name != "filters"} | ({"filters": kept} if kept else {})


def _is_ours(each: dict[str, Any], share: Share) -> bool:
    backend = (each.get(FIELD) or {}).get("backendRef") or {}
    return bool(each.get("type") == MIRROR and backend.get("name") == share.canary_service)
