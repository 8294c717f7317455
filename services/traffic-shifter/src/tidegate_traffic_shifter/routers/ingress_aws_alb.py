"""Ingresses of AWS's Load Balancer Controller: a forward action's target groups share, a path in front matches. Pure.

The user's paths name an action (`use-annotation`), which an annotation of the Ingress says: those annotations are
rewritten. For the matched requests there are paths in front, with actions and conditions of our own.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from tidegate_chassis.kubernetes.resources import INGRESSES
from tidegate_contracts.routers import BUILT_IN
from tidegate_traffic_shifter import alb_actions
from tidegate_traffic_shifter.acceptance import Untold
from tidegate_traffic_shifter.alb_actions import Path
from tidegate_traffic_shifter.formats import Body
from tidegate_traffic_shifter.seen import Route, Rule
from tidegate_traffic_shifter.share import Share

PREFIX: Final = "alb.ingress.kubernetes.io/"
ACTION: Final = PREFIX + "actions."
CONDITIONS: Final = PREFIX + "conditions."
TRANSFORMS: Final = PREFIX + "transforms."
SAID: Final = (ACTION, CONDITIONS, TRANSFORMS)
"""What annotations say of an action, by its name."""
USE_ANNOTATION: Final = "use-annotation"
OURS: Final = "tidegate-"
"""How the names of our own actions begin."""

Annotations = dict[str, str]
Actions = dict[str, Any]
"""The part that is rewritten: actions and conditions, the rules with the paths that name them, and the default's."""


class IngressAwsAlb(Untold):
    resource = INGRESSES
    abilities = BUILT_IN["ingress-aws-alb"]

    def part(self, route: Route) -> Actions:
        annotations = route.metadata.annotations
        return {
            "annotations": {name: annotations[name] for name in annotations if name.startswith(SAID)},
            "rules": route.rules,
            "default": _action(route.spec.get("defaultBackend")),
        }

    def patch(self, part: Actions) -> Body:
        rules = {"spec": {"rules": part["rules"]}} if part["rules"] else {}
        return {"metadata": {"annotations": part["annotations"]}} | rules

    def holds(self, part: Actions, namespace: str, service: str) -> bool:
        return any(True for _ in _forwarding(part, namespace, service))

    def has_room(self, original: Actions, namespace: str, share: Share) -> bool:
        return not share.matches or self.render(original, namespace, share)["rules"] != original["rules"]

    def render(self, original: Actions, namespace: str, share: Share) -> Actions:
        forwarding = set(_forwarding(original, namespace, share.service))
        annotations, rules = _with_fronts(original, forwarding, namespace, share)
        for name in (ACTION + action for action in forwarding):
            annotations[name] = alb_actions.divided(annotations[name], namespace, share)
        return original | {"annotations": annotations, "rules": rules}

    def recover(self, edited: Actions, original: Actions, namespace: str, share: Share) -> Actions:
        rendered, own = self.render(original, namespace, share)["annotations"], original["annotations"]
        annotations: Annotations = {}
        for name, text in edited["annotations"].items():
            if name.startswith(tuple(each + OURS for each in SAID)):
                continue
            same = rendered.get(name) == text and name in own
            annotations[name] = own[name] if same else _undivided(name, text, own.get(name), namespace, share)
        return edited | {"annotations": annotations, "rules": [*_without_fronts(edited["rules"])]}


def _forwarding(part: Actions, namespace: str, service: str) -> Iterator[str]:
    """The actions that forward to the Service, of those that a path, or the default backend, names."""
    named = [part["default"], *(_action(path.get("backend")) for rule in part["rules"] for path in _paths(rule))]
    for action in dict.fromkeys(named):
        if action is not None and alb_actions.forwards_to(part["annotations"].get(ACTION + action), namespace, service):
            yield action


def _with_fronts(
    original: Actions, forwarding: set[str], namespace: str, share: Share
) -> tuple[Annotations, list[Rule]]:
    """A path for each match in front of each path with such an action, and what our own actions and conditions are."""
    annotations, rules, numbers = dict(original["annotations"]), [], count(1)
    for rule in original["rules"]:
        paths: list[Path] = []
        for path in _paths(rule):
            shared = _action(path.get("backend")) in forwarding
            for front, said in _fronts(path, original["annotations"], namespace, share) if shared else ():
                ours = f"{OURS}{next(numbers)}"
                paths.append(front | {"backend": _backend(ours)})
                annotations |= {prefix + ours: text for prefix, text in said.items()}
            paths.append(path)
        rules.append(rule | {"http": rule["http"] | {"paths": paths}} if paths else rule)
    return annotations, rules


def _fronts(path: Path, own: Annotations, namespace: str, share: Share) -> Iterator[tuple[Path, Annotations]]:
    """For each match the path in front, and what is said of its action: all as of the user's, but to the canary."""
    action = _action(path.get("backend"))
    said = {prefix: own.get(f"{prefix}{action}") for prefix in SAID}
    for match in share.matches if alb_actions.are_readable(said[CONDITIONS]) else ():
        front = alb_actions.path_in_front(path, match)
        if front is not None:
            ours = said | {
                ACTION: alb_actions.to_canary(said[ACTION] or "", namespace, share),
                CONDITIONS: alb_actions.conditions(said[CONDITIONS], match),
            }
            yield front, {prefix: text for prefix, text in ours.items() if text is not None}


def _without_fronts(rules: list[Rule]) -> Iterator[Rule]:
    for rule in rules:
        paths = [each for each in _paths(rule) if not (_action(each.get("backend")) or "").startswith(OURS)]
        if paths or not _paths(rule):
            yield rule | {"http": rule["http"] | {"paths": paths}} if paths else rule


def _undivided(name: str, text: str, own: str | None, namespace: str, share: Share) -> str:
    if not name.startswith(ACTION) or not alb_actions.forwards_to(text, namespace, share.canary_service):
        return text
    return alb_actions.undivided(text, own, namespace, share)


def _paths(rule: Rule) -> list[Path]:
    return (rule.get("http") or {}).get("paths") or []


def _action(backend: Body | None) -> str | None:
    """The action that a backend names; None where it is a Service, or no backend."""
    service = (backend or {}).get("service") or {}
    return service.get("name") if (service.get("port") or {}).get("name") == USE_ANNOTATION else None


def _backend(action: str) -> Body:
    return {"service": {"name": action, "port": {"name": USE_ANNOTATION}}}
