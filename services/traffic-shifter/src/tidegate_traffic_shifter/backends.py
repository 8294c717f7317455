"""A list of weighted backends with the new version's share in it, and the user's own list again. Pure.

Most routers have such a list somewhere; `Words` are how each says it. Called by `worded_rules` for the list of each
rule, and by the formats in `routers` that have no rules.
"""

from typing import Any, Final

import msgspec

from tidegate_contracts.rollout import HeaderChange
from tidegate_traffic_shifter.share import Share

PARTS: Final = 100
WEIGHT_MAX: Final = 1_000_000

Backend = dict[str, Any]


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """How a format says a backend.

    Attributes:
        service: The field with the Service's name.
        kinds: What a field `kind` may say where a Service is meant, the first where there is none; empty for a format
            without such a field.
        identity: The fields that tell one backend from another.
        usual_weight: That of a backend that says none.
        none_is_even: Whether backends of which none has a weight get as much each, instead of nothing.
        weight_max: The largest weight that can be said.
        alone_weight: That of the new version where it has no other backend beside it.
        named_for_nothing: Whether the new version is named where it gets no request, for proxies to learn of it; it is
            not where a backend that nobody stands behind takes all others with it.
    """

    service: str = "name"
    kinds: tuple[str, ...] = ()
    identity: tuple[str, ...] = ("name",)
    usual_weight: int = 1
    none_is_even: bool = False
    weight_max: int = WEIGHT_MAX
    alone_weight: int = PARTS
    named_for_nothing: bool = True

    def names(self, backend: Backend, namespace: str, service: str) -> bool:
        """Whether the backend is the Service."""
        if backend.get(self.service) != service or backend.get("namespace", namespace) != namespace:
            return False
        return not self.kinds or backend.get("kind", self.kinds[0]) in self.kinds

    def renamed(self, backend: Backend, service: str) -> Backend:
        """The same backend of another Service."""
        return backend | {self.service: service}

    def changed(self, backend: Backend, change: HeaderChange) -> Backend:
        """The same backend with the change in its requests' headers; as it is in a format that knows none."""
        del change
        return backend

    def with_cookie(self, backend: Backend, set_cookie: str) -> Backend:
        """The same backend whose answers set the cookie, too; as it is in a format that can't."""
        del set_cookie
        return backend

    def sets_cookie(self, backend: Backend) -> bool:
        """Whether `with_cookie` would take a change of the same header of the user's own away."""
        del backend
        return False

    def canary(self, backend: Backend, share: Share) -> Backend:
        """The same backend for the new version."""
        canary = self.renamed(backend, share.canary_service)
        if share.request_headers is not None:
            canary = self.changed(canary, share.request_headers)
        return self.with_cookie(canary, share.set_cookie) if share.set_cookie else canary

    def weight(self, backend: Backend) -> int:
        return int(backend.get("weight", self.usual_weight))

    def identify(self, backend: Backend) -> tuple[object, ...]:
        return tuple(backend.get(field) for field in self.identity)


def holds(backends: list[Backend], words: Words, namespace: str, service: str) -> bool:
    return any(words.names(each, namespace, service) for each in backends)


def to_canary(backends: list[Backend], words: Words, namespace: str, share: Share) -> list[Backend]:
    """The stable Service's backends for the new version instead, and no other ones."""
    stable = [each for each in backends if words.names(each, namespace, share.service)]
    return [words.canary(each, share) | {"weight": words.alone_weight} for each in stable]


def divided(backends: list[Backend], words: Words, namespace: str, share: Share) -> list[Backend]:
    """The list with the new version beside each backend that is the stable Service."""
    if not holds(backends, words, namespace, share.service):
        return backends
    if not share.weight_percent and not words.named_for_nothing:
        return backends
    found: list[Backend] = []
    for backend, weight in zip(backends, _in_parts(backends, words), strict=True):
        if not words.names(backend, namespace, share.service):
            found.append(backend | {"weight": weight})
            continue
        canary = (weight * share.weight_percent + PARTS // 2) // PARTS
        found.append(backend | {"weight": weight - canary})
        found.append(words.canary(backend, share) | {"weight": canary})
    return found


def undivided(
    edited: list[Backend], originals: list[list[Backend]], words: Words, namespace: str, share: Share
) -> list[Backend]:
    """The user's own list out of an edited one: our backends taken out, the user's numbers put back.

    Args:
        edited: The list as it is found.
        originals: The lists that it may have come from, the likeliest one first; those of other backends don't count.
        words: How backends are said.
        namespace: Where the route is.
        share: What was put into the list.
    """
    merged: list[Backend] = []
    for backend in edited:
        if not words.names(backend, namespace, share.canary_service):
            merged.append(backend)
        elif merged:
            merged[-1] = merged[-1] | {"weight": words.weight(merged[-1]) + words.weight(backend)}
    if len(merged) == len(edited):
        return edited
    known = [each for each in originals if _alike(each, merged, words)]
    if not known and len(merged) == 1:
        return [merged[0] | {"weight": 1}]
    return next((_with_weights_of(each, merged, words) for each in known if _has_parts(each, merged, words)), merged)


def _alike(one: list[Backend], other: list[Backend], words: Words) -> bool:
    """Whether both lists have the same backends, whatever their weights."""
    return {words.identify(each) for each in one} == {words.identify(each) for each in other}


def _has_parts(original: list[Backend], merged: list[Backend], words: Words) -> bool:
    """Whether the numbers are as we have written them; otherwise it is they that were edited."""
    own = (words.identify(each) for each in original)
    parts = dict(zip(own, _in_parts(original, words), strict=True))
    return all(parts[words.identify(each)] == words.weight(each) for each in merged)


def _with_weights_of(original: list[Backend], merged: list[Backend], words: Words) -> list[Backend]:
    own = {words.identify(each): each for each in original}
    return [_without_weight(each) | _weight_of(own[words.identify(each)]) for each in merged]


def _without_weight(backend: Backend) -> Backend:
    return {field: part for field, part in backend.items() if field != "weight"}


def _weight_of(backend: Backend) -> Backend:
    return {"weight": backend["weight"]} if "weight" in backend else {}


def _in_parts(backends: list[Backend], words: Words) -> list[int]:
    """The same proportions in numbers that can be divided by a hundred; a single backend simply becomes 100."""
    weights = [words.weight(each) for each in backends]
    if words.none_is_even and not any(weights):
        return [PARTS] * len(weights)
    if len(weights) == 1:
        return [PARTS if weights[0] else 0]
    largest = max(weights, default=0)
    if largest * PARTS <= words.weight_max:
        return [weight * PARTS for weight in weights]
    # Whole hundreds are divided exactly; where only few fit, proportions count for more.
    step = PARTS if words.weight_max >= PARTS * PARTS else 1
    return [weight * (words.weight_max // step) // largest * step for weight in weights]
