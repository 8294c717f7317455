"""Which groups of parts a sandbox has, and what of OpenKruise's and Traefik's manifests is made to fit it."""

from typing import Any

import pytest

from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.parts import mesh, traefik
from tidegate_sandbox.parts.kruise import converted, patched_webhooks, rights, served_paths
from tidegate_sandbox.sandbox import chosen_groups

USUAL = {"kubernetes", "nats", "prometheus", "proxy", "podlet"}


@pytest.mark.parametrize(
    ("without", "including", "chosen"),
    [
        ([], [], USUAL),
        (["nats"], [], USUAL - {"nats"}),
        ([], ["kruise"], USUAL | {"kruise"}),
        ([], ["kruise", "resource-metrics"], USUAL | {"kruise", "resource-metrics"}),
        (["podlet"], ["resource-metrics"], USUAL - {"podlet"}),
        (["kubernetes"], ["kruise", "resource-metrics"], {"nats", "prometheus"}),
        (["kruise"], ["kruise"], USUAL),
        (["proxy"], ["traefik"], (USUAL - {"proxy"}) | {"traefik"}),
        (["kubernetes"], ["traefik", "mesh"], {"nats", "prometheus"}),
        (["proxy"], ["mesh"], (USUAL - {"proxy"}) | {"mesh"}),
    ],
)
def test_a_sandbox_has_the_usual_groups_and_those_that_are_asked_for(
    without: list[str], including: list[str], chosen: set[str]
) -> None:
    assert chosen_groups(without, including) == chosen


@pytest.mark.parametrize(("without", "including"), [(["crews"], []), ([], ["crews"])])
def test_a_group_that_does_not_exist_is_refused(without: list[str], including: list[str]) -> None:
    with pytest.raises(SandboxError, match="no group is called crews; there are: kubernetes"):
        chosen_groups(without, including)


def crd(plural: str) -> dict[str, Any]:
    served = {"v1alpha1": True, "v1beta1": True, "v0": False}
    versions = [{"name": name, "served": is_served} for name, is_served in served.items()]
    spec = {"group": "apps.kruise.io", "names": {"plural": plural}, "versions": versions}
    return {"metadata": {"name": f"{plural}.apps.kruise.io"}, "spec": spec}


def test_only_the_crd_with_two_versions_is_converted_by_the_manager() -> None:
    assert converted(crd("statefulsets"))["spec"]["conversion"]["strategy"] == "Webhook"
    assert "conversion" not in converted(crd("clonesets"))["spec"]


def test_every_served_version_is_waited_for() -> None:
    assert served_paths(crd("statefulsets")) == [
        "/apis/apps.kruise.io/v1alpha1/statefulsets",
        "/apis/apps.kruise.io/v1beta1/statefulsets",
    ]


def test_a_patch_reaches_the_webhook_of_its_name_and_kind_only() -> None:
    def configuration(kind: str, **more: object) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"name": "webhooks"}, "webhooks": [{"name": "pod", **more}]}

    first, second = patched_webhooks(
        [configuration("Mutating", path="/a"), configuration("Validating", path="/b")],
        [configuration("Mutating", selector="x")],
    )
    assert first["metadata"]["name"] == "kruise-webhooks"
    assert first["webhooks"] == [{"name": "pod", "path": "/a", "selector": "x"}]
    assert second["webhooks"] == [{"name": "pod", "path": "/b"}]


def test_the_manager_has_its_own_role_and_no_more() -> None:
    role, binding = rights([{"kind": "ClusterRole", "metadata": {"name": "manager-role"}, "rules": []}])
    assert role["metadata"]["name"] == binding["roleRef"]["name"] == "kruise-manager-role"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "kruise-manager", "namespace": "tidegate-system"}]


def test_traefik_has_its_own_roles_for_the_sandboxs_user_instead_of_its_examples_account() -> None:
    named = {"metadata": {"name": "traefik-ingress-controller"}}
    example = {"kind": "ClusterRoleBinding", "subjects": [{"name": "traefik-ingress-controller"}]} | named
    role, binding = traefik.rights([{"kind": "ClusterRole", "rules": []} | named, example])
    assert role["kind"] == "ClusterRole"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "traefik", "namespace": "tidegate-system"}]


def test_istiod_reads_and_writes_nothing() -> None:
    assert {verb for rule in mesh.role()["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_the_mesh_gateways_envoy_hears_all_but_where_istiod_is_from_istiod() -> None:
    made = mesh.bootstrap()
    assert [each["name"] for each in made["static_resources"]["clusters"]] == ["istiod"]
    assert made["node"]["metadata"]["LABELS"] == mesh.gateway()["spec"]["selector"]
