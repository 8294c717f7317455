"""The kit that every router passes: what its format promises, tried on an object of the user's. Pure.

Its author calls `broken` in a test, with an object as a user would write it; the built-in routers do in
tests/unit/traffic_shifter/test_routers.py. What writes, fences and waits is ours and tested with a real API server.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from tidegate_contracts.rollout import GrpcMethod, HeaderChange, HttpMatch
from tidegate_contracts.routers import PARTS, Abilities, beyond
from tidegate_traffic_shifter import marks
from tidegate_traffic_shifter.formats import Beside, Body, Format, Rewritten
from tidegate_traffic_shifter.merge_patch import applied, foreign, replacing
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Revisions, Share

CANARY: Final = "conformance-canary"
NOBODY: Final = "conformance-nobody"
REVISIONS: Final = Revisions(label="conformance", stable="old", canary="new")
MATCHES: Final[Mapping[str, HttpMatch]] = {
    "headers": HttpMatch(headers={"x-conformance": "yes"}),
    "headers_regex": HttpMatch(headers_regex={"x-conformance": "y.*"}),
    "query": HttpMatch(query={"conformance": "yes"}),
    "query_regex": HttpMatch(query_regex={"conformance": "y.*"}),
    "path_prefix": HttpMatch(path_prefix="/conformance"),
    "path_exact": HttpMatch(path_exact="/conformance"),
    "path_regex": HttpMatch(path_regex="/conform.*"),
    "grpc": HttpMatch(grpc=GrpcMethod(service="conformance.Kit", method="Try")),
}
CHANGES: Final[Mapping[str, HeaderChange]] = {
    "set": HeaderChange(set={"x-version": "new"}),
    "add": HeaderChange(add={"x-version": "new"}),
    "remove": HeaderChange(remove=("x-version",)),
}


def broken(form: Format, manifest: Body, service: str) -> list[str]:
    """The promises that the format doesn't keep.

    Args:
        form: The router's format.
        manifest: An object of its kind, with a namespace, that sends every request to the Service and to no other.
        service: The Service's name.
    """
    shares = shares_of(form.abilities, service)
    found = [*_refuses(form.abilities), *_judges(form, manifest)]
    if isinstance(form, Rewritten):
        if not form.abilities.declares:
            found += _rewrites(form, manifest, shares)
        if form.abilities.by_revision:
            found += _rewrites(form, manifest, by_revision_of(form.abilities, shares))
    elif isinstance(form, Beside):
        found += _stands_beside(form, manifest, shares)
    else:
        found.append("is a Rewritten format, or a Beside one")
    return found


def shares_of(abilities: Abilities, service: str) -> dict[str, Share]:
    """Every kind of share that the format has words for, by what it is."""
    nothing = Share(service=service, canary_service=CANARY)
    wanted = {"nothing": {"weight_percent": 0}}
    if abilities.shares:
        wanted |= {f"{percent} %": {"weight_percent": percent} for percent in (1, 20, 100)}
    matches = {part: (match,) for part, match in MATCHES.items() if part in abilities.match_parts}
    found = {name: replace(nothing, **given) for name, given in wanted.items()}
    found |= {f"by {part}": replace(nothing, matches=each) for part, each in matches.items()}
    for part in sorted(abilities.header_changes):
        base = found["20 %"] if abilities.shares else next(iter(found.values()))
        found[f"{part} a header"] = replace(base, request_headers=CHANGES[part])
    if abilities.session_affinity:
        found["20 % and a cookie"] = replace(found["20 %"], set_cookie="conformance=new; Path=/")
    if abilities.mirrors:
        found |= {f"{percent} % copied": replace(nothing, mirror_percent=percent) for percent in (10, 100)}
        found["20 % and copies"] = replace(nothing, weight_percent=20, mirror_percent=10)
    if abilities.shares and matches:
        by_match = next(iter(matches.values()))
        found["20 % and a match"] = replace(nothing, weight_percent=20, matches=by_match)
    return found


def by_revision_of(abilities: Abilities, shares: Mapping[str, Share]) -> dict[str, Share]:
    """The same with one Service for both versions; a format that only declares them is given no other share."""
    nothing = replace(shares["nothing"], canary_service=shares["nothing"].service, revisions=REVISIONS)
    held = {
        "the stable revision alone": replace(nothing, revisions=replace(REVISIONS, canary=None)),
        "nothing, by revision": nothing,
    }
    if abilities.declares:
        return held
    both = {"canary_service": nothing.service, "revisions": REVISIONS}
    return held | {f"{name}, by revision": replace(share, **both) for name, share in shares.items()}


def _refuses(abilities: Abilities) -> Iterator[str]:
    for part, match in MATCHES.items():
        refused = any(True for _ in _beyond(abilities, (match,), None))
        if refused == (part in abilities.match_parts):
            yield f"refuses a match by {part} exactly where it has no words for it"
    for part, change in CHANGES.items():
        refused = any(True for _ in _beyond(abilities, (), change))
        if refused == (part in abilities.header_changes):
            yield f"refuses to {part} a header exactly where it has no words for it"
    refused = any(True for _ in _beyond(abilities, (), None, mirror_percent=10))
    if refused == abilities.mirrors:
        yield "refuses to copy requests exactly where it has no words for it"
    if unknown := abilities.match_parts - set(PARTS):
        yield f"matches by known parts, not by {', '.join(sorted(unknown))}"


def _beyond(
    abilities: Abilities, matches: tuple[HttpMatch, ...], change: HeaderChange | None, *, mirror_percent: int = 0
) -> Iterator[object]:
    return beyond(
        "it",
        abilities,
        weight_percent=None,
        matches=matches,
        request_headers=change,
        mirror_percent=mirror_percent,
        field="",
    )


def _judges(form: Format, manifest: Body) -> Iterator[str]:
    found = form.objection(_route(manifest))
    if not (found is None or found):
        yield "says why an object was not taken, or nothing"


def _rewrites(form: Rewritten, manifest: Body, shares: Mapping[str, Share]) -> Iterator[str]:
    namespace, route = manifest["metadata"]["namespace"], _route(manifest)
    original, before = form.part(route), _text(manifest)
    if _text(applied(manifest, form.patch(_saved(original)))) != before:
        yield "restores the user's own object byte for byte"
    service = next(iter(shares.values())).service
    if not form.holds(original, namespace, service) or form.holds(original, namespace, NOBODY):
        yield "holds the Services that the user's object sends to, and no other"
    for name, share in shares.items():
        rendered = form.render(original, namespace, share)
        patch = replacing(form.patch(original), form.patch(rendered))
        if foreign(patch, marks.PREFIX):
            yield f"writes the spec, labels and annotations only, and none of ours: {name}"
        if not form.has_room(original, namespace, share) or not _is_named(form, original, namespace, share):
            yield f"names the new version in a share, but for one of nothing: {name}"
        written = applied(manifest, patch)
        found = form.part(_route(written))
        if _text(found) != _text(rendered):
            yield f"reads back what it wrote: {name}"
        back = replacing(form.patch(found), form.patch(_saved(original)))
        if _text(applied(written, back)) != before:
            yield f"gives back the user's own object, and nothing stays of ours: {name}"
        recovered = form.recover(found, _saved(original), namespace, share)
        if form.holds(recovered, namespace, CANARY) or form.render(recovered, namespace, share) != rendered:
            yield f"finds the user's own part again: {name}"
        if _text(form.render(original, namespace, share)) != _text(rendered) or _text(manifest) != before:
            yield f"says the same when it is asked again, and changes nothing that it was given: {name}"
    yield from _different(shares, lambda share: form.render(original, namespace, share))


def _is_named(form: Rewritten, original: Any, namespace: str, share: Share) -> bool:
    rendered = form.render(original, namespace, share)
    if share.revisions is not None:
        return bool(rendered != original)
    return form.holds(rendered, namespace, CANARY) or (share.is_empty and rendered == original)


def _stands_beside(form: Beside, manifest: Body, shares: Mapping[str, Share]) -> Iterator[str]:
    route, before = _route(manifest), _text(manifest)
    service = shares["nothing"].service
    if not form.sends_to(route, service) or form.sends_to(route, NOBODY):
        yield "holds the Services that the user's object sends to, and no other"
    for name, share in shares.items():
        yield from _is_beside(form, route, form.canary(route, share), name)
        wanted = form.canary(route, share)
        if form.sends_to(_route(wanted), service) or not form.sends_to(_route(wanted), CANARY):
            yield f"sends to the canary Service only: {name}"
        if form.repair(_route(wanted), wanted) is not None:
            yield f"lets stand what is as wanted: {name}"
        if _text(form.canary(route, share)) != _text(wanted) or _text(manifest) != before:
            yield f"says the same when it is asked again, and changes nothing that it was given: {name}"
        for former_name, former in shares.items():
            found = form.canary(route, former)
            if applied(found, form.repair(_route(found), wanted) or {}) != wanted:
                yield f"comes from {former_name} to {name} without a trace"
    yield from _different(shares, lambda share: form.canary(route, share))


def _is_beside(form: Beside, route: Route, wanted: Body, name: str) -> Iterator[str]:
    metadata = wanted["metadata"]
    if metadata["name"] != form.name(route.metadata.name) or metadata["name"] == route.metadata.name:
        yield f"has a name of its own: {name}"
    if wanted["kind"] != form.resource.kind or metadata["namespace"] != route.metadata.namespace:
        yield f"stands beside the user's object, of its kind: {name}"
    if metadata["labels"].get(marks.MANAGED_BY) != marks.MANAGER:
        yield f"says that it is managed by us: {name}"


def _different(shares: Mapping[str, Share], say: Callable[[Share], Any]) -> Iterator[str]:
    """Nothing that was asked for may be left out in silence."""
    said: dict[str, str] = {}
    for name, share in shares.items():
        other = said.setdefault(_text(say(share)), name)
        if other != name:
            yield f"says {name} otherwise than {other}"


def _route(manifest: Body) -> Route:
    return msgspec.json.decode(msgspec.json.encode(manifest), type=Route)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _saved(part: Any) -> Any:
    """As it comes back out of its annotation."""
    return msgspec.json.decode(msgspec.json.encode(part))
