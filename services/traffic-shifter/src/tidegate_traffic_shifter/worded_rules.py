"""What routers have in common whose object is a list of rules with backends in each, said by `Words`. Pure.

The base of formats in `routers`, which say where the rules are, how a backend is said, and what a rule in front for
the matched requests looks like. Without matches in its abilities a format needs no such rule.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import backends
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share


class WordedRules(ABC):
    """A `Rewritten` format but for its resource and its abilities.

    Attributes:
        words: How a backend is said.
        rules_field: Where in the spec the rules are.
        backends_field: Where in a rule the backends are.
    """

    words: ClassVar[Words]
    rules_field: ClassVar[str]
    backends_field: ClassVar[str]

    def backends(self, rule: Rule) -> list[Backend]:
        return rule.get(self.backends_field) or []

    def with_backends(self, rule: Rule, found: list[Backend]) -> Rule:
        return rule | {self.backends_field: found}

    @abstractmethod
    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        """Rules like this one for the matched requests only, which come before it; none where nothing can match."""

    def objection(self, route: Route) -> str | None:
        """A kind without a status: what the API server has taken is all that can be known."""
        del route
        return None

    def part(self, route: Route) -> list[Rule]:
        return route.spec.get(self.rules_field) or []

    def patch(self, part: list[Rule]) -> Body:
        return {"spec": {self.rules_field: part}}

    def holds(self, part: list[Rule], namespace: str, service: str) -> bool:
        return any(backends.holds(self.backends(rule), self.words, namespace, service) for rule in part)

    def has_room(self, original: list[Rule], namespace: str, share: Share) -> bool:
        holding = (rule for rule in original if self.holds([rule], namespace, share.service))
        return not share.matches or any(self.in_front(rule, share.matches) for rule in holding)

    def render(self, original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        fronts: list[Rule] = []
        shared: list[Rule] = []
        for rule in original:
            if not self.holds([rule], namespace, share.service):
                shared.append(rule)
                continue
            fronts += self._fronts(rule, namespace, share)
            divided = backends.divided(self.backends(rule), self.words, namespace, share)
            shared.append(self.with_backends(rule, divided))
        return fronts + shared

    def recover(self, edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        recovered = []
        for rule in edited:
            found = self.backends(rule)
            own = [each for each in found if not self.words.names(each, namespace, share.canary_service)]
            if len(own) == len(found):
                recovered.append(rule)
            elif own:
                before = self._counterpart(rule, own, original)
                restored = backends.undivided(found, before, self.words, namespace, share)
                recovered.append(self.with_backends(rule, restored))
        return recovered

    def _fronts(self, rule: Rule, namespace: str, share: Share) -> list[Rule]:
        canary = backends.to_canary(self.backends(rule), self.words, namespace, share)
        found = self.in_front(rule, share.matches) if share.matches else []
        return [self.with_backends(each, canary) for each in found]

    def _counterpart(self, rule: Rule, own: list[Backend], original: list[Rule]) -> list[Backend] | None:
        """The backends of the user's rule that an edited one came from: the same ones, if possible in a rule alike."""
        candidates = [each for each in original if backends.alike(self.backends(each), own, self.words)]
        same = [each for each in candidates if self.with_backends(each, own) == self.with_backends(rule, own)]
        return next((self.backends(each) for each in same or candidates), None)
