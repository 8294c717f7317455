"""Which node takes a pod: the sandbox's scheduler, spreading each owner's pods evenly.

The worker's `Bind` asks `choose`; `take` and `release` keep the count. Pure state, no I/O.
"""

from collections import Counter
from typing import Final

from msgspec import Struct

from tidegate_sandbox.podlet.pods import Pod, Requirement, Toleration

REPELLING_EFFECTS: Final = frozenset({"NoSchedule", "NoExecute"})


class Taint(Struct, frozen=True):
    key: str
    effect: str
    value: str = ""


class Node(Struct, frozen=True):
    name: str
    address: str
    labels: dict[str, str]
    taints: tuple[Taint, ...] = ()
    lost: bool = False
    """Nothing runs on it and nothing is told of it, as if its machine were gone."""


class Placement:
    """Nodes and the pods on them."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self._pods: dict[str, tuple[str, str]] = {}
        self._by_node: Counter[str] = Counter()
        self._by_owner: Counter[tuple[str, str]] = Counter()

    def choose(self, pod: Pod) -> Node | None:
        """The fitting node with the fewest pods of the same owner, then the fewest at all."""
        owner = owner_of(pod)
        fitting = [node for node in self.nodes.values() if tolerates(pod, node) and fits(pod, node)]
        return min(
            fitting,
            key=lambda node: (self._by_owner[node.name, owner], self._by_node[node.name], node.name),
            default=None,
        )

    def take(self, pod: Pod, node_name: str) -> None:
        self.release(pod.metadata.uid)
        owner = owner_of(pod)
        self._pods[pod.metadata.uid] = (node_name, owner)
        self._by_node[node_name] += 1
        self._by_owner[node_name, owner] += 1

    def release(self, uid: str) -> None:
        placed = self._pods.pop(uid, None)
        if placed is None:
            return
        self._by_node[placed[0]] -= 1
        self._by_owner[placed] -= 1
        if not self._by_owner[placed]:
            del self._by_owner[placed]


def owner_of(pod: Pod) -> str:
    return pod.metadata.owner_references[0].uid if pod.metadata.owner_references else pod.metadata.uid


def tolerates(pod: Pod, node: Node) -> bool:
    """Whether no taint of the node keeps the pod away."""
    repelling = [taint for taint in node.taints if taint.effect in REPELLING_EFFECTS]
    return all(any(_covers(toleration, taint) for toleration in pod.spec.tolerations) for taint in repelling)


def _covers(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in {"", taint.effect} or toleration.key not in {"", taint.key}:
        return False
    return toleration.operator == "Exists" or (toleration.key != "" and toleration.value == taint.value)


def fits(pod: Pod, node: Node) -> bool:
    """Whether the pod's node selector and required node affinity allow this node."""
    if any(node.labels.get(key) != value for key, value in pod.spec.node_selector.items()):
        return False
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None:
        return True
    fields = {"metadata.name": node.name}
    return any(
        all(_holds(requirement, fields) for requirement in term.match_fields)
        and all(_holds(requirement, node.labels) for requirement in term.match_expressions)
        for term in affinity.required.node_selector_terms
    )


def _holds(requirement: Requirement, values: dict[str, str]) -> bool:
    value = values.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
