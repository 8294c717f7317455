"""Both versions as subsets of one Service: what a DestinationRule and a VirtualService say then, word for word."""

from typing import Any

import pytest
from msgspec.structs import replace

from tidegate_contracts.rollout import HttpMatch
from tidegate_traffic_shifter.routers.istio_destination_rule import IstioDestinationRule
from tidegate_traffic_shifter.routers.istio_virtual_service import IstioVirtualService
from tidegate_traffic_shifter.share import Revisions, Share

RULE, ROUTE = IstioDestinationRule(), IstioVirtualService()
REVISIONS = Revisions(label="pod-template-hash", stable="5d4f", canary="7c9b")
SHARE = Share(service="web", canary_service="web", weight_percent=20, revisions=REVISIONS)
PINNED = replace(SHARE.emptied(), revisions=replace(REVISIONS, canary=None))
OWN = {"name": "near", "labels": {"zone": "a"}}
STABLE = {"name": "tidegate-stable", "labels": {"pod-template-hash": "5d4f"}}
CANARY = {"name": "tidegate-canary", "labels": {"pod-template-hash": "7c9b"}}


def to(subset: str = "", host: str = "web", **more: Any) -> dict[str, Any]:
    return {"destination": {"host": host} | ({"subset": subset} if subset else {})} | more


def test_a_destination_rule_declares_the_versions_that_there_are_beside_the_users_own_subsets() -> None:
    original = {"host": "web", "subsets": [OWN]}
    assert RULE.render(original, "shop", PINNED)["subsets"] == [OWN, STABLE]
    assert RULE.render(original, "shop", SHARE)["subsets"] == [OWN, STABLE, CANARY]
    assert RULE.render({"host": "web"}, "shop", SHARE) == {"host": "web", "subsets": [STABLE, CANARY]}


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ({"host": "web"}, True),
        ({"host": "web.shop.svc.cluster.local"}, True),
        ({"host": "web.other"}, False),
        ({"host": "web", "workloadSelector": {"matchLabels": {"a": "b"}}}, False),
    ],
)
def test_a_destination_rule_is_for_the_service_and_for_every_client(part: dict[str, Any], held: bool) -> None:
    assert RULE.holds(part, "shop", "web") == held


def test_an_edit_of_a_destination_rule_is_kept_without_our_subsets() -> None:
    edited = {"host": "web", "subsets": [CANARY, OWN | {"labels": {"zone": "b"}}, STABLE | {"labels": {}}]}
    assert RULE.recover(edited, {"host": "web"}, "shop", SHARE)["subsets"] == [OWN | {"labels": {"zone": "b"}}]
    assert RULE.recover({"host": "web", "subsets": [STABLE]}, {"host": "web"}, "shop", SHARE) == {"host": "web"}
    assert RULE.recover({"host": "web"}, {"host": "web", "subsets": [OWN]}, "shop", SHARE) == {"host": "web"}
    assert RULE.recover({"host": "web", "subsets": [STABLE]}, {"host": "web", "subsets": []}, "shop", SHARE) == {
        "host": "web",
        "subsets": [],
    }


def test_a_virtual_service_names_the_stable_version_before_there_is_another() -> None:
    original = {"http": [{"route": [to()]}, {"redirect": {"uri": "/"}}, {"route": [to("near")]}]}
    assert ROUTE.render(original, "shop", PINNED) == {
        "http": [{"route": [to("tidegate-stable")]}, *original["http"][1:]]
    }


def test_a_virtual_service_shares_between_both_subsets_of_the_same_host() -> None:
    original = {
        "http": [{"route": [to(host="web.shop.svc.cluster.local", weight=90), to("near", weight=10)]}],
        "tcp": [{"route": [to()]}],
    }
    wanted = replace(SHARE, matches=(HttpMatch(headers={"user": "ann"}),), mirror_percent=10)
    host = "web.shop.svc.cluster.local"
    copied = {"destination": {"host": host, "subset": "tidegate-canary"}, "percentage": {"value": 10}}
    assert ROUTE.render(original, "shop", wanted) == {
        "http": [
            {"match": [{"headers": {"user": {"exact": "ann"}}}], "route": [to("tidegate-canary", host, weight=100)]},
            {
                "route": [
                    to("tidegate-stable", host, weight=7200),
                    to("tidegate-canary", host, weight=1800),
                    to("near", weight=1000),
                ],
                "mirrors": [copied],
            },
        ],
        "tcp": [{"route": [to("tidegate-stable", weight=80), to("tidegate-canary", weight=20)]}],
    }


@pytest.mark.parametrize("wanted", [PINNED, SHARE])
def test_an_edit_of_a_virtual_service_meanwhile_is_the_new_original(wanted: Share) -> None:
    original = {"http": [{"route": [to()]}, {"route": [to("near")]}]}
    shared, near = ROUTE.render(original, "shop", wanted)["http"]
    edited = {"http": [near, shared | {"timeout": "2s"}]}
    assert ROUTE.recover(edited, original, "shop", wanted) == {
        "http": [{"route": [to("near")]}, {"route": [to()], "timeout": "2s"}]
    }


def test_a_subset_of_the_users_own_is_not_the_service() -> None:
    assert not ROUTE.holds({"http": [{"route": [to("near")]}]}, "shop", "web")
