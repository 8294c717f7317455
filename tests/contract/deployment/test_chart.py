"""The chart as it was last rendered: what runs, as whom, with what; and that it was rendered from the present chart.

Helm itself is no part of the tests: built from source it takes minutes. `make chart` renders, and notes from what.
"""

import hashlib
import importlib
import importlib.util
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tidegate_chassis.settings import PREFIX, Settings, load
from tidegate_chassis.topology import TopologySettings
from tidegate_chassis.webhooks import WebhookSettings
from tidegate_metrics_analyzer.app import AnalyzerSettings
from tidegate_metrics_analyzer.outbound.door import OutboundSettings
from tidegate_metrics_analyzer.providers.datadog import DatadogSettings
from tidegate_rollout_operator.app import OperatorSettings
from tidegate_traffic_shifter.app import ShifterSettings
from tidegate_workload_controller import marks
from tidegate_workload_controller.app import HOLD

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "tidegate"
KUBERNETES = DEPLOY / "kubernetes"
SAMPLES = Path(__file__).parent / "chart"
SERVICES = ("orchestrator", "workload-controller", "traffic-shifter", "metrics-analyzer", "rollout-operator")
ASKED = ("workload-controller", "rollout-operator")
SETTINGS: dict[str, type[Settings]] = {
    "tidegate_chassis.topology": TopologySettings,
    "tidegate_workload_controller": WebhookSettings,
    "tidegate_traffic_shifter": ShifterSettings,
    "tidegate_rollout_operator": OperatorSettings,
}
"""What a program reads beyond what all do."""

NEEDED = {"image": {"registry": "registry.example"}, "prometheus": {"url": "http://prometheus:9090"}}
Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def named(found: list[Manifest], kind: str, name: str) -> Manifest:
    (one,) = [each for each in found if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return one


PLAIN = [each for path in sorted(KUBERNETES.rglob("*.yaml")) for each in documents(path)]
EVERYTHING = documents(SAMPLES / "everything.yaml")


def pods() -> list[Manifest]:
    found = [each for each in PLAIN if each["kind"] in ("Deployment", "Job")]
    return [each["spec"]["template"]["spec"] for each in found]


def test_the_rendering_is_of_the_chart_as_it_stands() -> None:
    listed = [line.split("  ") for line in (DEPLOY / "helm" / "rendered.sha256").read_text().splitlines()]
    inputs = [each for each in CHART.rglob("*") if each.is_file() and "manifests" not in each.parts]
    assert {DEPLOY / name for _, name in listed} == set(inputs)
    stale = [name for said, name in listed if hashlib.sha256((DEPLOY / name).read_bytes()).hexdigest() != said]
    assert stale == [], "run `make chart`"


def test_the_chart_has_the_manifests_themselves() -> None:
    assert (CHART / "manifests").resolve() == KUBERNETES


def schema() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(yaml.safe_load((CHART / "values.schema.json").read_text()))


def values(**given: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
    for name, value in {**NEEDED, **given}.items():
        found[name] = {**found[name], **value} if isinstance(found.get(name), dict) else value
    return found


def test_the_values_need_two_things_and_no_more() -> None:
    assert list(schema().iter_errors(values())) == []
    missing = yaml.safe_load((CHART / "values.yaml").read_text())
    found = {".".join(map(str, error.absolute_path)) for error in schema().iter_errors(missing)}
    assert found == {"image.registry", "prometheus.url"}


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"replicaCount": 3}, ""),
        ({"services": {"orchestrater": {"replicas": 1}}}, "services"),
        ({"services": {"orchestrator": {"replicas": 0}}}, "services.orchestrator.replicas"),
        ({"nats": {"url": "nats.example:4222"}}, "nats.url"),
        ({"nats": {"streamReplicas": 2}}, "nats.streamReplicas"),
        ({"cluster": "EU_1"}, "cluster"),
        ({"stopped": "yes"}, "stopped"),
        ({"rolloutOperator": {"historiesMax": -1}}, "rolloutOperator.historiesMax"),
        ({"certificates": {"certManger": True}}, "certificates"),
        ({"analysisTemplates": {"jobNamespaces": ["*"]}}, "analysisTemplates.jobNamespaces.0"),
    ],
)
def test_a_wrong_value_is_named(given: dict[str, Any], where: str) -> None:
    (error,) = schema().iter_errors(values(**given))
    assert ".".join(map(str, error.absolute_path)) == where


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_in_several_copies_that_may_be_moved_and_replaced(service: str) -> None:
    spec = named(PLAIN, "Deployment", service)["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["replicas"] >= 2
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    budget = named(PLAIN, "PodDisruptionBudget", service)["spec"]
    assert budget["selector"] == spec["selector"]
    assert budget["maxUnavailable"] == 1
    pod = spec["template"]["spec"]
    (spread,) = pod["topologySpreadConstraints"]
    assert spread["labelSelector"] == spec["selector"]
    assert pod["terminationGracePeriodSeconds"] >= Settings().stop_timeout_s + 10
    (container,) = pod["containers"]
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["resources"]["limits"]["memory"]
    assert pod["serviceAccountName"] == service


def test_nothing_runs_as_root_or_writes_to_its_image() -> None:
    assert len(pods()) == len(SERVICES) + 3
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_logs_in_as_itself_and_has_no_other_password(service: str) -> None:
    environment = environment_of(named(PLAIN, "Deployment", service))
    assert environment["TIDEGATE_NATS_USER"]["value"] == service
    reference = environment["TIDEGATE_NATS_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "tidegate-nats", "key": service}
    token = named(PLAIN, "Deployment", service)["spec"]["template"]["spec"]["automountServiceAccountToken"]
    assert token is (service != "orchestrator")


def environment_of(workload: Manifest) -> dict[str, Manifest]:
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each for each in container["env"]}


def test_every_variable_is_one_that_is_read() -> None:
    analyzer = (AnalyzerSettings, OutboundSettings, DatadogSettings)
    every = (WebhookSettings, TopologySettings, OperatorSettings, *analyzer)
    fields = {name for settings in every for name in settings.__struct_fields__}
    read = {f"{PREFIX}{name.upper()}" for name in fields}
    for workload in (each for each in [*PLAIN, *EVERYTHING] if each["kind"] in ("Deployment", "Job")):
        assert set(environment_of(workload)) <= read


def test_what_a_container_is_told_is_read_as_it_is_written() -> None:
    """No container was started from them: at least each finds its program, and understands its variables."""
    for workload in (each for each in [*PLAIN, *EVERYTHING] if each["kind"] in ("Deployment", "Job")):
        (container,) = workload["spec"]["template"]["spec"]["containers"]
        service = container["image"].rpartition("/")[2].partition(":")[0].removeprefix("tidegate-")
        module = container.get("command", ["", "-m", f"tidegate_{service.replace('-', '_')}"])[2]
        assert importlib.util.find_spec(module) is not None
        given = {name: each.get("value", "nats://nats:4222") for name, each in environment_of(workload).items()}
        told = load(SETTINGS.get(module, Settings), given)
        assert told.nats_user == given.get("TIDEGATE_NATS_USER", "")
        if container.get("args") == ["give-back"]:
            assert hasattr(importlib.import_module(f"{module}.app"), "give_back")


def test_credentials_of_metric_providers_are_mounted_where_the_analyzer_reads_them() -> None:
    for service in SERVICES:
        deployment = named(EVERYTHING, "Deployment", service)
        pod = deployment["spec"]["template"]["spec"]
        paths = {each["name"]: each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
        mounted = {
            paths[each["name"]]: each["secret"]["secretName"]
            for each in pod["volumes"]
            if each["name"].startswith(("credentials-", "secrets-"))
        }
        wanted = {"/credentials/datadog": "datadog", "/secrets/shop/quality": "shop-quality"}
        assert mounted == (wanted if service == "metrics-analyzer" else {})
    assert environment_of(named(EVERYTHING, "Deployment", "metrics-analyzer"))["TIDEGATE_SECRETS_DIRECTORY"] == {
        "name": "TIDEGATE_SECRETS_DIRECTORY",
        "value": "/secrets",
    }


def test_keys_of_verdicts_and_the_token_of_alerts_are_mounted_where_the_analyzer_reads_them() -> None:
    deployment = named(EVERYTHING, "Deployment", "metrics-analyzer")
    pod = deployment["spec"]["template"]["spec"]
    paths = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    variables = environment_of(deployment)
    assert f"{variables['TIDEGATE_VERDICT_KEYS_DIRECTORY']['value']}/shop" in paths
    assert variables["TIDEGATE_ALERTS_TOKEN_FILE"]["value"].removesuffix("/token") in paths
    service = named(EVERYTHING, "Service", "metrics-analyzer")
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert [each for each in PLAIN if (each["kind"], each["metadata"]["name"]) == ("Service", "metrics-analyzer")] == []


def test_the_topology_is_declared_before_anything_starts() -> None:
    job = named(PLAIN, "Job", "topology")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert environment_of(job)["TIDEGATE_NATS_USER"]["value"] == "deploy"


def test_what_is_held_is_given_back_traffic_first() -> None:
    jobs = [each for each in PLAIN if each["metadata"]["name"].startswith("give-back-")]
    order = sorted(jobs, key=lambda each: int(each["metadata"]["annotations"]["helm.sh/hook-weight"]))
    accounts = [each["spec"]["template"]["spec"]["serviceAccountName"] for each in order]
    assert accounts == ["traffic-shifter", "workload-controller"]


def webhooks() -> list[Manifest]:
    return [webhook for each in PLAIN if each["kind"].endswith("WebhookConfiguration") for webhook in each["webhooks"]]


@pytest.mark.parametrize("webhook", webhooks(), ids=lambda webhook: webhook["name"])
def test_a_webhook_never_blocks_what_is_not_its_business(webhook: Manifest) -> None:
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["timeoutSeconds"] == 2
    excluded = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
    assert excluded in webhook["namespaceSelector"]["matchExpressions"]
    for rule in webhook["rules"]:
        assert set(rule["operations"]) <= {"CREATE", "UPDATE"}
        assert not any("/" in resource for resource in rule["resources"])
        # Whatever isn't ours by its group is asked about only where somebody opted in.
        if rule["apiGroups"] != ["rollouts.kruise.io"]:
            assert webhook["objectSelector"] == {"matchExpressions": [{"key": marks.GUARDED, "operator": "Exists"}]}
            assert rule["operations"] == ["UPDATE"]
    install = (ROOT / "docs" / "install.md").read_text()
    assert f"`{webhook['name']}`" in install


@pytest.mark.parametrize("service", ASKED)
def test_the_api_server_finds_whom_it_asks(service: str) -> None:
    found = named(PLAIN, "Service", service)["spec"]
    template = named(PLAIN, "Deployment", service)["spec"]["template"]
    assert found["selector"].items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    assert found["ports"][0]["targetPort"] in {port["containerPort"] for port in container["ports"]}
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 0
    served = {webhook["clientConfig"]["service"]["name"] for webhook in webhooks()}
    assert service in served


def test_with_cert_manager_its_certificates_are_served_and_ours_are_not_kept() -> None:
    for service in ASKED:
        (certificate,) = [
            each
            for each in EVERYTHING
            if each["kind"] == "Certificate" and each["metadata"]["name"] == f"{service}-webhooks"
        ]
        assert f"{service}.tidegate-system.svc" in certificate["spec"]["dnsNames"]
        deployment = named(EVERYTHING, "Deployment", service)
        volumes = {each["name"]: each for each in deployment["spec"]["template"]["spec"]["volumes"]}
        assert volumes["certificates"]["secret"]["secretName"] == certificate["spec"]["secretName"]
        assert environment_of(deployment)["TIDEGATE_WEBHOOK_KEY_FILE"]["value"] == "/certificates/tls.key"
    injected = {
        each["metadata"]["name"]: each["metadata"].get("annotations", {}).get("cert-manager.io/inject-ca-from")
        for each in EVERYTHING
        if each["kind"].endswith(("WebhookConfiguration", "CustomResourceDefinition"))
    }
    assert injected[HOLD] == "tidegate-system/workload-controller-webhooks"
    assert injected["tidegate-rollouts"] == "tidegate-system/rollout-operator-webhooks"
    assert injected["rollouts.rollouts.kruise.io"] == "tidegate-system/rollout-operator-webhooks"
    assert "secrets" not in {
        resource
        for each in EVERYTHING
        if each["kind"] in ("Role", "ClusterRole")
        for rule in each["rules"]
        for resource in rule["resources"]
    }


def test_the_definitions_stay_when_the_chart_goes() -> None:
    found = [each for each in EVERYTHING if each["kind"] == "CustomResourceDefinition"]
    assert found
    assert all(each["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for each in found)


def test_histories_are_kept_and_may_be_where_their_number_says_so() -> None:
    number, role = "TIDEGATE_ROLLOUT_HISTORIES_MAX", "tidegate-rollout-operator-histories"
    (shipped,) = [each for each in PLAIN if each["kind"] == "ClusterRole" and each["metadata"]["name"] == role]
    assert named(EVERYTHING, "ClusterRole", role)["rules"] == shipped["rules"]
    assert named(EVERYTHING, "ClusterRoleBinding", role)["subjects"]
    assert environment_of(named(EVERYTHING, "Deployment", "rollout-operator"))[number]["value"] == "10"
    assert number not in environment_of(named(PLAIN, "Deployment", "rollout-operator"))


def test_without_kruises_rollouts_nothing_of_the_operators_is_there() -> None:
    names = (SAMPLES / "without-rollouts.txt").read_text().split()
    assert "Deployment/workload-controller" in names
    assert not [name for name in names if "rollout" in name]


def test_the_secret_has_a_key_for_every_user_that_logs_in() -> None:
    passwords = (DEPLOY / "nats" / "development.env").read_text()
    users = {"deploy", *SERVICES}
    assert {user for user in users if f"TIDEGATE_NATS_{user.upper().replace('-', '_')}_PASSWORD=" in passwords} == users
    install = (ROOT / "docs" / "install.md").read_text()
    assert all(f"--from-literal={user}=" in install for user in users)


def test_jobs_may_be_made_only_in_the_namespaces_that_are_named() -> None:
    role = "tidegate-metrics-analyzer-jobs"
    found = [each for each in EVERYTHING if each["kind"].endswith("Binding") and each["roleRef"]["name"] == role]
    assert {(each["kind"], each["metadata"]["namespace"]) for each in found} == {
        ("RoleBinding", "shop"),
        ("RoleBinding", "pay"),
    }
    assert {each["subjects"][0]["name"] for each in found} == {"metrics-analyzer"}
    (shipped,) = [each for each in PLAIN if each["kind"] == "ClusterRole" and each["metadata"]["name"] == role]
    assert named(EVERYTHING, "ClusterRole", role)["rules"] == shipped["rules"]
    environment = environment_of(named(EVERYTHING, "Deployment", "metrics-analyzer"))
    assert environment["TIDEGATE_JOB_NAMESPACES"]["value"] == "shop,pay"
    assert "TIDEGATE_JOB_NAMESPACES" not in environment_of(named(PLAIN, "Deployment", "metrics-analyzer"))
    bound = [each for each in PLAIN if each["kind"].endswith("Binding") and each["roleRef"]["name"] == role]
    assert bound == [], "the file alone gives no right"
