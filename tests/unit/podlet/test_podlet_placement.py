from collections import Counter

import pytest

from tidegate_sandbox.podlet.placement import Node, Placement, Taint
from tidegate_sandbox.podlet.pods import (
    Affinity,
    Metadata,
    NodeAffinity,
    NodeTerm,
    NodeTerms,
    Owner,
    Pod,
    Requirement,
    Spec,
    Toleration,
)


def nodes(count: int = 3) -> tuple[Node, ...]:
    return tuple(Node(f"node-{i}", f"10.0.0.{i}", {"kubernetes.io/hostname": f"node-{i}"}) for i in range(count))


def pod(name: str, owner: str = "web", spec: Spec | None = None) -> Pod:
    return Pod(Metadata(name=name, uid=name, owner_references=(Owner(owner),)), spec or Spec())


def place(placement: Placement, one: Pod) -> str:
    node = placement.choose(one)
    assert node is not None
    placement.take(one, node.name)
    return node.name


def test_each_owners_pods_are_spread_evenly() -> None:
    placement = Placement(nodes())
    web = Counter(place(placement, pod(f"web-{i}")) for i in range(9))
    other = Counter(place(placement, pod(f"api-{i}", owner="api")) for i in range(4))
    assert set(web.values()) == {3}
    assert sorted(other.values()) == [1, 1, 2]


def test_a_released_place_is_filled_next() -> None:
    placement = Placement(nodes())
    placed = {f"web-{i}": place(placement, pod(f"web-{i}")) for i in range(6)}
    placement.release("web-4")
    placement.release("web-4")
    assert place(placement, pod("web-new")) == placed["web-4"]


@pytest.mark.parametrize(
    ("taint", "toleration", "taken"),
    [
        (Taint("unschedulable", "NoSchedule"), None, False),
        (Taint("unreachable", "NoExecute"), None, False),
        (Taint("busy", "PreferNoSchedule"), None, True),
        (Taint("unreachable", "NoExecute"), Toleration("unreachable", "Exists", effect="NoExecute"), True),
        (Taint("unreachable", "NoSchedule"), Toleration("unreachable", "Exists", effect="NoExecute"), False),
        (Taint("for", "NoSchedule", "batch"), Toleration("for", value="batch"), True),
        (Taint("for", "NoSchedule", "batch"), Toleration("for", value="web"), False),
        (Taint("for", "NoSchedule", "batch"), Toleration("other", "Exists"), False),
        (Taint("for", "NoSchedule", "batch"), Toleration(operator="Exists"), True),
    ],
)
def test_a_tainted_node_takes_the_pods_that_tolerate_it(
    taint: Taint, toleration: Toleration | None, taken: bool
) -> None:
    placement = Placement((Node("node-0", "10.0.0.0", {}, taints=(taint,)),))
    spec = Spec(tolerations=(toleration,) if toleration else ())
    assert (placement.choose(pod("web-1", spec=spec)) is not None) is taken


def test_a_node_selector_is_honoured() -> None:
    placement = Placement(nodes())
    chosen = placement.choose(pod("web-1", spec=Spec(node_selector={"kubernetes.io/hostname": "node-2"})))
    assert chosen is not None
    assert chosen.name == "node-2"
    assert placement.choose(pod("web-2", spec=Spec(node_selector={"disk": "fast"}))) is None


def test_a_daemon_sets_pod_goes_to_the_node_its_affinity_names() -> None:
    term = NodeTerm(match_fields=(Requirement("metadata.name", "In", ("node-1",)),))
    spec = Spec(affinity=Affinity(NodeAffinity(NodeTerms((term,)))))
    chosen = Placement(nodes()).choose(pod("agent", spec=spec))
    assert chosen is not None
    assert chosen.name == "node-1"


def test_an_owners_pods_are_spread_even_where_the_nodes_are_not_equally_full() -> None:
    placement = Placement(nodes())
    pinned = Spec(node_selector={"kubernetes.io/hostname": "node-0"})
    for index in range(5):
        place(placement, pod(f"other-{index}", owner="other", spec=pinned))
    assert Counter(place(placement, pod(f"web-{i}")) for i in range(3)) == {"node-0": 1, "node-1": 1, "node-2": 1}
