"""Everything that a sandbox promises while it is up, on one that all these tests share."""

import json
import urllib.parse
import urllib.request

import pytest
from support.sandbox import kubectl, until_true

from tidegate_sandbox import sandbox as sandboxes
from tidegate_sandbox.state import SandboxState

pytestmark = pytest.mark.sandbox

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "8080"}
    spec:
      containers: [{name: web, image: "registry.example/web:v1"}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [{name: tidegate, namespace: projectcontour}]
  hostnames: [HOST]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""


def deploy_web(sandbox: SandboxState, namespace: str) -> str:
    """Three pods behind a Service behind a route; returns the route's host name."""
    host = f"web.{namespace}.example"
    kubectl(sandbox, "apply", "-n", namespace, "-f", "-", manifest=WEB.replace("HOST", host))
    kubectl(sandbox, "wait", "-n", namespace, "deployment/web", "--for=condition=Available", "--timeout=30s")
    return host


def get(url: str, host: str = "") -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read()


def query(sandbox: SandboxState, promql: str) -> list[dict[str, object]]:
    url = f"{sandbox.prometheus_url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
    result: list[dict[str, object]] = json.loads(get(url)[2])["data"]["result"]
    return result


def test_every_part_is_ready_when_up_returns(sandbox: SandboxState) -> None:
    assert {one.state for one in sandboxes.status(sandbox.name)} == {"ready"}


def test_a_deployment_becomes_ready(sandbox: SandboxState, namespace: str) -> None:
    deploy_web(sandbox, namespace)
    deployment = json.loads(kubectl(sandbox, "get", "-n", namespace, "deployment", "web", "-o", "json"))
    assert deployment["status"]["readyReplicas"] == 3


def test_a_request_flows_through_a_route_to_a_pod(sandbox: SandboxState, namespace: str) -> None:
    host = deploy_web(sandbox, namespace)
    until_true(lambda: get(sandbox.proxy_url, host)[0] == 200, what="the proxy answering from a pod")
    _, headers, _ = get(sandbox.proxy_url, host)
    assert headers["x-version"] == "v1"


def test_the_proxy_does_not_answer_for_a_host_without_a_route(sandbox: SandboxState, namespace: str) -> None:
    host = deploy_web(sandbox, namespace)
    until_true(lambda: get(sandbox.proxy_url, host)[0] == 200, what="the proxy answering from a pod")
    assert get(sandbox.proxy_url, "nobody.example")[0] == 404


def test_prometheus_scrapes_pods_under_their_revision(sandbox: SandboxState, namespace: str) -> None:
    deploy_web(sandbox, namespace)
    pods = json.loads(kubectl(sandbox, "get", "-n", namespace, "pods", "-o", "json"))["items"]
    expected = {(pod["metadata"]["name"], pod["metadata"]["labels"]["pod-template-hash"]) for pod in pods}

    def scraped() -> set[tuple[object, object]]:
        found = query(sandbox, f'up{{namespace="{namespace}"}} == 1')
        return {(one["metric"]["pod"], one["metric"]["revision"]) for one in found}  # type: ignore[index]

    until_true(lambda: scraped() == expected, what="each pod being scraped")


def test_prometheus_scrapes_a_service_that_is_put_beside_it(sandbox: SandboxState) -> None:
    file = sandbox.prometheus_targets_directory / "test.json"
    file.write_text('[{"targets": ["127.0.0.1:10255"], "labels": {"service": "test"}}]')
    try:
        until_true(lambda: query(sandbox, 'up{service="test"} == 1'), what="the service being scraped")
    finally:
        file.unlink()


def test_nats_answers_from_outside_and_has_a_password_for_each_user(sandbox: SandboxState) -> None:
    _, _, body = get(f"{sandbox.nats_monitoring_url}/varz")
    assert json.loads(body)["auth_required"]
    assert "orchestrator" in sandbox.nats_passwords


def test_a_user_has_only_the_rights_that_its_manifests_give(sandbox: SandboxState, namespace: str) -> None:
    with pytest.raises(AssertionError, match="forbidden"):
        kubectl(sandbox, "get", "-n", namespace, "secrets", user="prometheus")
    assert "forbidden" not in kubectl(sandbox, "get", "-n", namespace, "pods", user="prometheus")


def test_the_audit_log_says_who_wrote_what(sandbox: SandboxState, namespace: str) -> None:
    kubectl(sandbox, "create", "-n", namespace, "configmap", "seen", "--from-literal=a=b")
    lines = [json.loads(line) for line in sandbox.audit_log_path.read_bytes().splitlines()]
    written = [
        (line["user"]["username"], line["verb"], line["stage"])
        for line in lines
        if line.get("objectRef", {}).get("namespace") == namespace and line["objectRef"].get("name") == "seen"
    ]
    assert written == [("admin", "create", "ResponseComplete")]
