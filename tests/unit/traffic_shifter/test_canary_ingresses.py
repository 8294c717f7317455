"""What Kruise's own scripts write for an Ingress, both ways: a share as annotations, and the annotations gone again."""

from typing import Any

import msgspec
import pytest
from support.routes import ingress
from unit.traffic_shifter.test_routers import FORMATS

from tidegate_contracts.rollout import HeaderChange, HttpMatch
from tidegate_traffic_shifter.formats import Beside
from tidegate_traffic_shifter.seen import Route
from tidegate_traffic_shifter.share import Share

NGINX = "nginx.ingress.kubernetes.io/"
ALB = "alb.ingress.kubernetes.io/"
MSE = "mse.ingress.kubernetes.io/"
HEADER = HttpMatch(headers={"user": "ann"})
PATTERN = HttpMatch(headers_regex={"user": "a.*"})
COOKIE = HttpMatch(headers={"canary-by-cookie": "demo"})
QUERY = HttpMatch(query={"user": "ann"})
QUERY_PATTERN = HttpMatch(query_regex={"user": "a.*"})

BY_HEADER = {"canary-by-header": "user", "canary-by-header-value": "ann"}
BY_PATTERN = {"canary-by-header": "user", "canary-by-header-pattern": "a.*"}
GOLDEN: list[tuple[int, tuple[HttpMatch, ...], dict[str, str]]] = [
    (0, (), {"canary": "true", "canary-weight": "0"}),
    (20, (), {"canary": "true", "canary-weight": "20"}),
    (100, (), {"canary": "true", "canary-weight": "100"}),
    (0, (HEADER,), {"canary": "true"} | BY_HEADER),
    (0, (PATTERN,), {"canary": "true"} | BY_PATTERN),
    (0, (COOKIE,), {"canary": "true", "canary-by-cookie": "demo"}),
    (30, (COOKIE, HEADER), {"canary": "true", "canary-weight": "30", "canary-by-cookie": "demo"} | BY_HEADER),
]


def form(router: str) -> Beside:
    found = FORMATS[f"ingress-{router}"]
    assert isinstance(found, Beside)
    return found


def route(manifest: dict[str, Any]) -> Route:
    return msgspec.json.decode(msgspec.json.encode(manifest), type=Route)


def share(weight_percent: int, *matches: HttpMatch, **more: Any) -> Share:
    return Share(service="web", canary_service="web-canary", weight_percent=weight_percent, matches=matches, **more)


def annotations(router: str, wanted: Share, **own: str) -> dict[str, str]:
    found: dict[str, str] = form(router).canary(route(ingress(**own)), wanted)["metadata"]["annotations"]
    return found


@pytest.mark.parametrize("golden", GOLDEN, ids=str)
@pytest.mark.parametrize(
    ("router", "prefix", "more"),
    [("nginx", NGINX, {}), ("higress", NGINX, {}), ("mse", NGINX, {}), ("aliyun-alb", ALB, {"order": "1"})],
    ids=["nginx", "higress", "mse", "aliyun-alb"],
)
def test_a_share_is_what_kruises_script_writes(
    router: str, prefix: str, more: dict[str, str], golden: tuple[int, tuple[HttpMatch, ...], dict[str, str]]
) -> None:
    weight_percent, matches, wanted = golden
    found = annotations(router, share(weight_percent, *matches), team="a")
    assert found == {"team": "a"} | {prefix + name: value for name, value in (wanted | more).items()}


STICKY = {f"{NGINX}affinity": "cookie", f"{NGINX}session-cookie-name": "lb"}
BEHAVIOUR = f"{NGINX}affinity-canary-behavior"


@pytest.mark.parametrize("own", [STICKY, STICKY | {BEHAVIOUR: "sticky"}, STICKY | {BEHAVIOUR: "legacy"}], ids=str)
def test_sessions_of_the_users_own_are_kept_with_a_share_and_leave_the_new_version_with_it(own: dict[str, str]) -> None:
    shared = annotations("nginx", share(20), **own)
    assert shared == own | {f"{NGINX}canary": "true", f"{NGINX}canary-weight": "20"}
    assert annotations("nginx", share(0, HEADER), **own).items() >= own.items()
    emptied = annotations("nginx", share(0), **own)
    assert emptied == own | {f"{NGINX}canary": "true", f"{NGINX}canary-weight": "0", BEHAVIOUR: "legacy"}
    found = route(form("nginx").canary(route(ingress(**own)), share(0)))
    patch = form("nginx").repair(found, form("nginx").canary(route(ingress(**own)), share(20)))
    assert patch is not None
    taken_away = {} if BEHAVIOUR in own else {BEHAVIOUR: None}
    assert found.metadata.annotations | patch["metadata"]["annotations"] == shared | taken_away


def test_without_sessions_nothing_is_said_of_them() -> None:
    assert BEHAVIOUR not in annotations("nginx", share(0), team="a")


def test_mse_knows_queries_a_subset_and_one_header_that_is_set() -> None:
    assert annotations("mse", share(0, QUERY)) == {
        f"{NGINX}canary": "true",
        f"{NGINX}canary-by-query": "user",
        f"{NGINX}canary-by-query-value": "ann",
    }
    assert annotations("mse", share(0, QUERY_PATTERN))[f"{NGINX}canary-by-query-pattern"] == "a.*"
    changed = share(20, request_headers=HeaderChange(set={"x-gray": "1"}))
    own = {f"{MSE}service-subset": "base", f"{MSE}request-header-control-update": "x-own 1"}
    assert annotations("mse", changed, **own) == {
        f"{NGINX}canary": "true",
        f"{NGINX}canary-weight": "20",
        f"{MSE}service-subset": "gray",
        f"{MSE}request-header-control-update": "x-gray 1",
    }
    assert annotations("mse", share(20), **own)[f"{MSE}request-header-control-update"] == "x-own 1"


def test_the_canary_ingress_has_the_users_class_certificates_and_the_paths_of_the_stable_service_only() -> None:
    manifest = ingress()
    (rule,) = manifest["spec"]["rules"]
    other = {"path": "/other", "pathType": "Exact", "backend": {"service": {"name": "other", "port": {"name": "http"}}}}
    bucket = {"path": "/files", "pathType": "Prefix", "backend": {"resource": {"kind": "Bucket", "name": "files"}}}
    rule["http"]["paths"] += [other, bucket]
    manifest["spec"]["rules"] += [{"host": "bare.example"}, {"http": {"paths": [other]}}]
    manifest["spec"]["defaultBackend"] = {"service": {"name": "web", "port": {"number": 80}}}
    found = form("nginx").canary(route(manifest), share(20))
    backend = {"service": {"name": "web-canary", "port": {"number": 80}}}
    assert found["spec"] == {
        "ingressClassName": "nginx",
        "tls": manifest["spec"]["tls"],
        "rules": [
            {"host": "web.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        ],
    }
    assert found["metadata"]["name"] == "web-canary"
    assert found["metadata"]["labels"] == {"app": "web", "app.kubernetes.io/managed-by": "tidegate"}


def test_what_tools_know_their_own_objects_by_is_not_taken_over() -> None:
    own = {
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "argocd.argoproj.io/tracking-id": "web",
        f"{NGINX}canary-weight-total": "1000",
        f"{NGINX}rewrite-target": "/$1",
    }
    assert annotations("nginx", share(20), **own) == {
        f"{NGINX}rewrite-target": "/$1",
        f"{NGINX}canary": "true",
        f"{NGINX}canary-weight": "20",
    }
    manifest = ingress()
    manifest["metadata"]["labels"] |= {"app.kubernetes.io/instance": "web", "app.kubernetes.io/managed-by": "Helm"}
    labels = form("nginx").canary(route(manifest), share(20))["metadata"]["labels"]
    assert labels == {"app": "web", "app.kubernetes.io/managed-by": "tidegate"}


def test_edits_of_the_canary_ingress_are_undone_and_what_controllers_add_to_it_stays() -> None:
    nginx = form("nginx")
    wanted = nginx.canary(route(ingress()), share(20))
    by_others = wanted | {"metadata": wanted["metadata"] | {"finalizers": ["x"]}}
    by_others["metadata"]["annotations"] = wanted["metadata"]["annotations"] | {"controller.example/seen": "1"}
    assert nginx.repair(route(by_others), wanted) is None
    edited = nginx.canary(route(ingress()), share(50, HEADER))
    edited["spec"].pop("tls")
    edited["metadata"]["labels"].pop("app")
    assert nginx.repair(route(edited), wanted) == {
        "metadata": {
            "labels": {"app": "web"},
            "annotations": {
                f"{NGINX}canary-weight": "20",
                f"{NGINX}canary-by-header": None,
                f"{NGINX}canary-by-header-value": None,
            },
        },
        "spec": {"tls": wanted["spec"]["tls"]},
    }


def test_a_class_that_the_cluster_put_in_by_itself_is_no_edit() -> None:
    manifest = ingress()
    manifest["spec"].pop("ingressClassName")
    wanted = form("nginx").canary(route(manifest), share(20))
    found = wanted | {"spec": wanted["spec"] | {"ingressClassName": "default"}}
    assert form("nginx").repair(route(found), wanted) is None


def test_haproxy_matches_by_conditions_that_must_all_hold_and_by_one_that_none_meets() -> None:
    haproxy = "haproxy-ingress.github.io/http-header-match"
    both = HttpMatch(headers={"user": "ann", "tenant": "a"}, headers_regex={"device": "x.*|y"})
    assert annotations("haproxy", share(0, both), team="a") == {
        "team": "a",
        haproxy: "user: ann\ntenant: a",
        f"{haproxy}-regex": "device: ^(?:x.*|y)$",
    }
    assert annotations("haproxy", share(0)) == {f"{haproxy}-regex": "host: a^"}
    own = {haproxy: "env: prod\n"}
    assert annotations("haproxy", share(0, HEADER), **own) == {haproxy: "env: prod\nuser: ann"}
