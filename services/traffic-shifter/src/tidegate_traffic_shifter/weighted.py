"""Routes whose rules list weighted backends, in whatever words: the share in each rule that sends to the Service. Pure.

The base of `routers.contour_http_proxy` and `routers.istio_virtual_service`, which bring their words: what names a
Service, what a missing weight means, how a request is matched. As `shares` does for the Gateway API, `render` starts
from the user's own rules always, so that a share is absolute, and `recover` finds them again in edited ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share

PARTS: Final = 100
Reference = dict[str, Any]
Rules = dict[str, list[Rule]]
"""By the field of the spec that lists them."""


class WeightedRules(ABC):
    """A `Rewritten` format but for its resource, its abilities and its words.

    Attributes:
        fields: Lists of rules in the spec.
        backends: The field of a rule that lists who gets its requests.
    """

    fields: ClassVar[tuple[str, ...]]
    backends: ClassVar[str]

    @abstractmethod
    def names(self, reference: Reference, namespace: str, service: str) -> bool:
        """Whether the backend is the Service."""

    @abstractmethod
    def canary(self, reference: Reference, field: str, share: Share) -> Reference:
        """The same backend for the new version, with the share's change of headers."""

    @abstractmethod
    def in_front(self, rule: Rule, field: str, share: Share) -> list[Rule]:
        """The same rule for the matched requests only, however many rules that takes; none where none can match."""

    @abstractmethod
    def mirrored(self, rule: Rule, field: str, share: Share) -> Rule:
        """The rule with copies of its requests to the new version."""

    @abstractmethod
    def unmirrored(self, rule: Rule, namespace: str, share: Share) -> Rule:
        """The rule without these copies; as it is where it has none."""

    def is_copy(self, reference: Reference) -> bool:
        """Whether the backend only gets copies of the requests, and so has no weight among the others."""
        del reference
        return False

    def part(self, route: Route) -> Rules:
        return {field: route.spec[field] for field in self.fields if route.spec.get(field)}

    def patch(self, part: Rules) -> Body:
        return {"spec": part}

    def holds(self, part: Rules, namespace: str, service: str) -> bool:
        return any(self._sends_to(rule, namespace, service) for rules in part.values() for rule in rules)

    def has_room(self, original: Rules, namespace: str, share: Share) -> bool:
        if not share.matches:
            return True
        return any(self._fronts(rule, field, namespace, share) for field, rules in original.items() for rule in rules)

    def render(self, original: Rules, namespace: str, share: Share) -> Rules:
        """The matches' rule stands right before the one that it was made of: those before it keep their requests."""
        return {
            field: [
                made
                for rule in rules
                for made in (
                    *self._fronts(rule, field, namespace, share),
                    self._shared(rule, field, namespace, share),
                )
            ]
            for field, rules in original.items()
        }

    def recover(self, edited: Rules, original: Rules, namespace: str, share: Share) -> Rules:
        return {
            field: self._recovered(rules, field, original.get(field, []), namespace, share)
            for field, rules in edited.items()
        }

    def _fronts(self, rule: Rule, field: str, namespace: str, share: Share) -> list[Rule]:
        """The rule for the matched requests, to the new version only."""
        stable = [each for each in self._backends_of(rule) if self.names(each, namespace, share.service)]
        if not share.matches or not stable:
            return []
        canary = [self.canary(stable[0], field, share) | {"weight": PARTS}]
        return [front | {self.backends: canary} for front in self.in_front(rule, field, share)]

    def _shared(self, rule: Rule, field: str, namespace: str, share: Share) -> Rule:
        """The rule with the new version behind each backend that is the stable Service."""
        if not self._sends_to(rule, namespace, share.service):
            return rule
        shared: list[Reference] = []
        for reference, weight in self._weighed(self._backends_of(rule)):
            if weight is None:
                shared.append(reference)
            elif not self.names(reference, namespace, share.service):
                shared.append(reference | {"weight": weight})
            else:
                canary = weight * share.weight_percent // PARTS
                shared.append(reference | {"weight": weight - canary})
                shared.append(self.canary(reference, field, share) | {"weight": canary})
        made = rule | {self.backends: shared}
        return self.mirrored(made, field, share) if share.mirror_percent else made

    def _weighed(self, references: list[Reference]) -> Iterator[tuple[Reference, int | None]]:
        """The same proportions in numbers that can be divided by a hundred; without any weight all get as much."""
        weights = [_weight(each) for each in references if not self.is_copy(each)]
        for reference in references:
            if self.is_copy(reference):
                yield reference, None
            elif len(weights) == 1 or not any(weights):
                yield reference, PARTS
            else:
                yield reference, _weight(reference) * PARTS

    def _recovered(
        self, rules: list[Rule], field: str, original: list[Rule], namespace: str, share: Share
    ) -> list[Rule]:
        pairs = [(own, self._shared(own, field, namespace, share)) for own in original]
        found = []
        for edited in rules:
            pair = next((each for each in pairs if each[1] == edited), None)
            rule = self.unmirrored(edited, namespace, share)
            references = self._backends_of(rule)
            own = [each for each in references if not self.names(each, namespace, share.canary_service)]
            if pair is not None:
                pairs.remove(pair)  # what is rendered alike comes back in order
                found.append(pair[0])
            elif len(own) == len(references):
                found.append(rule)
            elif own:
                found.append(self._unshared(rule, pairs, namespace, share))
        return found

    def _unshared(self, rule: Rule, pairs: list[tuple[Rule, Rule]], namespace: str, share: Share) -> Rule:
        """Our backends taken out of an edited rule, and the user's own put back unless it is they that were edited."""
        references = self._backends_of(rule)
        made = ((own, self.unmirrored(ours, namespace, share)) for own, ours in pairs)
        own = next((own for own, ours in made if self._backends_of(ours) == references), None)
        if own is not None:
            return rule | {self.backends: self._backends_of(own)}
        merged: list[Reference] = []
        for reference in references:
            if not self.names(reference, namespace, share.canary_service):
                merged.append(reference)
            elif merged:
                merged[-1] = merged[-1] | {"weight": _weight(merged[-1]) + _weight(reference)}
        return rule | {self.backends: merged}

    def _sends_to(self, rule: Rule, namespace: str, service: str) -> bool:
        return any(self.names(each, namespace, service) for each in self._backends_of(rule))

    def _backends_of(self, rule: Rule) -> list[Reference]:
        found: list[Reference] = rule.get(self.backends) or []
        return found


def _weight(reference: Reference) -> int:
    return int(reference.get("weight", 0))
