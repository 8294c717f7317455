"""The rights that `doctor` asks about are those that deploy/kubernetes grants: no more, no less."""

from pathlib import Path
from typing import Any

import yaml

from tidegate_cli.kubernetes_rights import HISTORIES, RIGHTS, SYSTEM_NAMESPACE, Right, account

MANIFESTS = Path(__file__).parents[3] / "deploy" / "kubernetes"
SERVICES = ("workload-controller", "traffic-shifter", "metrics-analyzer", "orchestrator", "rollout-operator")


def granted(directory: Path) -> set[Right]:
    documents = [
        (file.stem, document) for file in directory.glob("*.yaml") for document in yaml.safe_load_all(file.read_text())
    ]
    return {
        Right(service, group, resource, tuple(rule["verbs"]))
        for service, document in documents
        if document["kind"] == "ClusterRole" and service in SERVICES
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def test_the_table_is_what_the_manifests_grant() -> None:
    assert set(RIGHTS) == granted(MANIFESTS)
    assert set(HISTORIES) == granted(MANIFESTS / "histories")


def test_the_accounts_are_those_of_the_manifests() -> None:
    accounts: set[str] = set()
    for file in MANIFESTS.glob("*.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            accounts |= named(document)
    assert {account(right.service) for right in RIGHTS} <= accounts


def named(document: dict[str, Any]) -> set[str]:
    if document["kind"] != "ServiceAccount":
        return set()
    assert document["metadata"]["namespace"] == SYSTEM_NAMESPACE
    return {account(document["metadata"]["name"])}
