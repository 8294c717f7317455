"""Istio's VirtualServices: the share as weights of http, tcp and tls routes between two Services, or subsets. Pure.

Between two subsets of one Service where a DestinationRule declares these (`istio_destination_rule`): then the stable
version is named by its subset from the beginning. A destination with a subset of the user's own is left alone. No
condition tells what the proxies have taken.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from tidegate_chassis.kubernetes.resources import VIRTUAL_SERVICES
from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import paths, subsets, virtual_matches
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.header_changes import SET_COOKIE, touches
from tidegate_traffic_shifter.seen import Rule
from tidegate_traffic_shifter.share import Share
from tidegate_traffic_shifter.worded_fields import Fields, WordedFields
from tidegate_traffic_shifter.worded_rules import WordedRules

MIRRORS: Final = "mirrors"
SINGLE: Final = ("mirror", "mirrorPercentage", "mirror_percent", "mirrorPercent")
"""How a single mirror is said."""


class Destinations(Words, frozen=True):
    """By their host and their subset."""

    def names(self, backend: Backend, namespace: str, service: str) -> bool:
        name, subset = subsets.parted(service)
        destination = backend["destination"]
        return subsets.is_service(destination["host"], namespace, name) and destination.get("subset", "") == subset

    def renamed(self, backend: Backend, service: str) -> Backend:
        name, subset = subsets.parted(service)
        destination = {field: part for field, part in backend["destination"].items() if field != "subset"}
        _, dot, more = destination["host"].partition(".")
        named = {"host": f"{name}{dot}{more}"} | ({"subset": subset} if subset else {})
        return backend | {"destination": destination | named}

    def identify(self, backend: Backend) -> tuple[object, ...]:
        destination = backend["destination"]
        return destination["host"], destination.get("subset"), (destination.get("port") or {}).get("number")


class HttpDestinations(Destinations, frozen=True):
    """Whose headers can be changed."""

    def changed(self, backend: Backend, change: HeaderChange) -> Backend:
        headers = backend.get("headers") or {}
        return backend | {"headers": headers | {"request": _joined(headers.get("request") or {}, change)}}

    def with_cookie(self, backend: Backend, set_cookie: str) -> Backend:
        headers, change = backend.get("headers") or {}, HeaderChange(add={SET_COOKIE: set_cookie})
        return backend | {"headers": headers | {"response": _joined(headers.get("response") or {}, change)}}

    def sets_cookie(self, backend: Backend) -> bool:
        return touches((backend.get("headers") or {}).get("response") or {}, SET_COOKIE)


class TcpRoutes(WordedRules):
    """Rules of connections: they have shares, and nothing else."""

    words: ClassVar[Words] = Destinations(usual_weight=0, none_is_even=True)
    rules_field: ClassVar[str] = "tcp"
    backends_field: ClassVar[str] = "route"


class TlsRoutes(TcpRoutes):
    rules_field: ClassVar[str] = "tls"


class HttpRoutes(WordedRules):
    words: ClassVar[Words] = HttpDestinations(usual_weight=0, none_is_even=True)
    rules_field: ClassVar[str] = "http"
    backends_field: ClassVar[str] = "route"
    in_order: ClassVar[bool] = True

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        # A path that is rewritten would be another one under a narrower prefix.
        rewritten = (rule.get("rewrite") or {}).get("uri")
        wanted = tuple(each for each in matches if not (rewritten and paths.has_path(each)))
        found = virtual_matches.narrowed(rule.get("match"), wanted)
        kept = {name: value for name, value in rule.items() if name != "name"}
        return [kept | {"match": found}] if found else []

    def mirrored(self, rule: Rule, share: Share) -> Rule:
        """One of the user's own stays beside it: Istio takes either one mirror or a list of them."""
        host = next(each["destination"] for each in self.backends(rule) if _is_canary(each, share))
        ours = {"destination": host, "percentage": {"value": share.mirror_percent}}
        own = [*(rule.get(MIRRORS) or []), *_single(rule)]
        return {name: part for name, part in rule.items() if name not in SINGLE} | {MIRRORS: [*own, ours]}

    def unmirrored(self, rule: Rule, share: Share) -> Rule:
        mirrors = rule.get(MIRRORS) or []
        kept = [each for each in mirrors if not _is_canary(each, share)]
        if len(kept) == len(mirrors):
            return rule
        return {name: part for name, part in rule.items() if name != MIRRORS} | ({MIRRORS: kept} if kept else {})


class IstioVirtualService(WordedFields):
    resource = VIRTUAL_SERVICES
    abilities = BUILT_IN["istio-virtual-service"]
    lists: ClassVar[Mapping[str, WordedRules]] = {
        "http": HttpRoutes(),
        "tcp": TcpRoutes(),
        "tls": TlsRoutes(),
    }

    def holds(self, part: Fields, namespace: str, service: str) -> bool:
        """The Service itself, or one of its two versions."""
        ours = (subsets.called(service, each) for each in (subsets.STABLE, subsets.CANARY))
        return any(super(IstioVirtualService, self).holds(part, namespace, each) for each in (service, *ours))

    def render(self, original: Fields, namespace: str, share: Share) -> Fields:
        if share.revisions is None:
            return super().render(original, namespace, share)
        canary = share.revisions.canary
        made = original if canary is None else super().render(original, namespace, subsets.in_subsets(share))
        return self._renamed(made, namespace, share.service, subsets.called(share.service, subsets.STABLE))

    def recover(self, edited: Fields, original: Fields, namespace: str, share: Share) -> Fields:
        if share.revisions is None:
            return super().recover(edited, original, namespace, share)
        found = self._renamed(edited, namespace, subsets.called(share.service, subsets.STABLE), share.service)
        if share.revisions.canary is None:
            return found
        return super().recover(found, original, namespace, subsets.in_subsets(share))

    def _renamed(self, part: Fields, namespace: str, before: str, after: str) -> Fields:
        """The same with each destination of one name under another."""

        def rule(rules: WordedRules, found: Rule) -> Rule:
            words, backends = rules.words, rules.backends(found)
            named = [words.renamed(each, after) if words.names(each, namespace, before) else each for each in backends]
            return found if named == backends else rules.with_backends(found, named)

        return {field: [rule(self.lists[field], each) for each in found] for field, found in part.items()}


def _is_canary(backend: Backend, share: Share) -> bool:
    name, subset = subsets.parted(share.canary_service)
    destination = backend["destination"]
    return bool(destination["host"].split(".")[0] == name and destination.get("subset", "") == subset)


def _single(rule: Rule) -> list[Backend]:
    """The user's own single mirror as one of a list."""
    if "mirror" not in rule:
        return []
    old = next(({"value": rule[name]} for name in ("mirrorPercent", "mirror_percent") if name in rule), None)
    percentage = rule.get("mirrorPercentage") or old
    return [{"destination": rule["mirror"]} | ({"percentage": percentage} if percentage else {})]


def _joined(own: dict[str, Any], change: HeaderChange) -> dict[str, Any]:
    """The user's own change of headers with the order's in it, which wins."""
    ours = {name.lower() for name in (*change.set, *change.add, *change.remove)}
    parts: dict[str, Any] = {
        part: {name: value for name, value in (own.get(part) or {}).items() if name.lower() not in ours} | wanted
        for part, wanted in (("set", change.set), ("add", change.add))
    }
    parts["remove"] = [name for name in own.get("remove") or [] if name.lower() not in ours] + list(change.remove)
    return {part: found for part, found in parts.items() if found}
