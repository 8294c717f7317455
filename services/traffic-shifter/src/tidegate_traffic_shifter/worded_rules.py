"""What routers have in common whose object is a list of rules with backends in each, said by `Words`. Pure.

The base of formats in `routers`, which say where the rules are, how a backend is said, and what a rule in front for
the matched requests looks like. Without matches in its abilities a format needs no such rule. `worded_fields` puts
several such lists of one object together.
"""

from typing import ClassVar

from msgspec.structs import replace

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter import backends
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.backends import Backend, Words
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share


class WordedRules(Untold):
    """A `Rewritten` format but for its resource and its abilities.

    Attributes:
        words: How a backend is said.
        rules_field: Where in the spec the rules are.
        backends_field: Where in a rule the backends are.
        in_order: Whether rules are tried as they are listed. Then one in front stands right before its own, so that
            those before it keep their requests; otherwise all such rules are the first.
    """

    words: ClassVar[Words]
    rules_field: ClassVar[str]
    backends_field: ClassVar[str]
    in_order: ClassVar[bool] = False

    def backends(self, rule: Rule) -> list[Backend]:
        return rule.get(self.backends_field) or []

    def with_backends(self, rule: Rule, found: list[Backend]) -> Rule:
        return rule | {self.backends_field: found}

    def in_front(self, rule: Rule, matches: tuple[HttpMatch, ...]) -> list[Rule]:
        """Rules like this one for the matched requests only, which come before it; none where nothing can match."""
        del rule, matches
        return []

    def mirrored(self, rule: Rule, share: Share) -> Rule:
        """The rule, which has the share in it, with copies of its requests to the new version."""
        del share
        return rule

    def unmirrored(self, rule: Rule, share: Share) -> Rule:
        """The rule without these copies; as it is where it has none."""
        del share
        return rule

    def part(self, route: Route) -> list[Rule]:
        return route.spec.get(self.rules_field) or []

    def patch(self, part: list[Rule]) -> Body:
        return {"spec": {self.rules_field: part}}

    def holds(self, part: list[Rule], namespace: str, service: str) -> bool:
        return any(backends.holds(self.backends(rule), self.words, namespace, service) for rule in part)

    def has_room(self, original: list[Rule], namespace: str, share: Share) -> bool:
        if share.set_cookie and any(self._sets_cookie(rule, namespace, share) for rule in original):
            return False
        return not share.matches or any(self.fronts(rule, namespace, share) for rule in original)

    def render(self, original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        made = [(self.fronts(rule, namespace, share), self.shared(rule, namespace, share)) for rule in original]
        if self.in_order:
            return [each for fronts, shared in made for each in (*fronts, shared)]
        return [front for fronts, _ in made for front in fronts] + [shared for _, shared in made]

    def recover(self, edited: list[Rule], original: list[Rule], namespace: str, share: Share) -> list[Rule]:
        pairs = [(self.shared(own, namespace, share), own) for own in original]
        recovered = []
        for rule in edited:
            pair = next((each for each in pairs if each[0] == rule), None)
            if pair is not None:
                pairs.remove(pair)  # what is rendered alike comes back in order
                recovered.append(pair[1])
            else:
                candidates = [own for _, own in pairs]
                recovered += self._unshared(self.unmirrored(rule, share), candidates, namespace, share)
        return recovered

    def fronts(self, rule: Rule, namespace: str, share: Share) -> list[Rule]:
        """The rules in front, to the new version only."""
        if not share.matches or not self.holds([rule], namespace, share.service):
            return []
        # Who is matched stays only for as long as that is so.
        matched = replace(share, set_cookie="")
        canary = backends.to_canary(self.backends(rule), self.words, namespace, matched)
        return [self.with_backends(each, canary) for each in self.in_front(rule, share.matches)]

    def shared(self, rule: Rule, namespace: str, share: Share) -> Rule:
        """The rule with the new version beside each backend that is the stable Service."""
        if not self.holds([rule], namespace, share.service):
            return rule
        made = self.with_backends(rule, backends.divided(self.backends(rule), self.words, namespace, share))
        return self.mirrored(made, share) if share.mirror_percent else made

    def _sets_cookie(self, rule: Rule, namespace: str, share: Share) -> bool:
        stable = (each for each in self.backends(rule) if self.words.names(each, namespace, share.service))
        return any(self.words.sets_cookie(each) for each in stable)

    def _unshared(self, rule: Rule, candidates: list[Rule], namespace: str, share: Share) -> list[Rule]:
        """An edited rule without our backends; none where it has no others, as one in front."""
        found = self.backends(rule)
        own = [each for each in found if not self.words.names(each, namespace, share.canary_service)]
        if len(own) == len(found):
            return [rule]
        if not own:
            return []
        likeliest_first = sorted(candidates, key=lambda each: _differences(each, rule))
        originals = [self.backends(each) for each in likeliest_first]
        return [self.with_backends(rule, backends.undivided(found, originals, self.words, namespace, share))]


def _differences(one: Rule, other: Rule) -> int:
    return sum(one.get(field) != other.get(field) for field in one | other)
