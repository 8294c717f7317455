"""What `doctor` says of Kruise's resources: which are served, what is missing, and whether histories may be kept."""

import json
from pathlib import Path

import pytest
import yaml

from tidegate_cli.doctor_definitions import BESIDE, HISTORIES_MAX, ROLLOUTS, Definition, examine, histories

CRDS = Path(__file__).parents[3] / "deploy" / "kubernetes" / "crds"
V1BETA1 = ("rollouts", "batchreleases")
V1ALPHA1 = (*V1BETA1, "trafficroutings", "rollouthistories")


class Cluster:
    """Answers as kubectl does.

    Args:
        served: Which resources, by version.
        histories_max: As the operator's Deployment says; None where there is no such Deployment.
    """

    def __init__(self, histories_max: str | None = None, **served: tuple[str, ...]) -> None:
        self._histories_max = histories_max
        self._served = served

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        if arguments[:2] == ("get", "--raw"):
            found = self._served.get(arguments[2].rpartition("/")[2])
            return (1, "", "not found") if found is None else (0, resources(found), "")
        if self._histories_max is None:
            return 1, "", "not found"
        environment = [{"name": "OTHER"}, {"name": HISTORIES_MAX, "value": self._histories_max}]
        spec = {"template": {"spec": {"containers": [{"name": "other"}, {"env": environment}]}}}
        return 0, json.dumps({"spec": spec}), ""


def resources(names: tuple[str, ...]) -> str:
    return json.dumps({"resources": [{"name": name} for each in names for name in (each, f"{each}/status")]})


async def states(cluster: Cluster) -> dict[str, tuple[str, str]]:
    found = await examine(cluster)
    return {each.detail.split()[0]: (each.state, each.remedy) for each in found}


async def test_a_cluster_that_serves_all_of_them_lacks_nothing() -> None:
    found = await states(Cluster(v1beta1=V1BETA1, v1alpha1=V1ALPHA1))
    assert {kind: state for kind, (state, _) in found.items()} == dict.fromkeys(
        ("Rollout", "TrafficRouting", "BatchRelease", "RolloutHistory"), "good"
    )


async def test_a_cluster_without_any_is_as_good() -> None:
    (finding,) = await examine(Cluster())
    assert finding.state == "good"


async def test_each_that_is_missing_is_named_with_what_brings_it() -> None:
    found = await states(Cluster(v1beta1=("rollouts",), v1alpha1=("rollouts",)))
    assert found["Rollout"][0] == "good"
    for each in BESIDE:
        state, remedy = found[each.kind]
        assert (state, f"crds/{each.resource}.yaml" in remedy) == ("warning", True)


async def test_a_version_that_is_missing_is_named() -> None:
    (finding, *_) = await examine(Cluster(v1alpha1=("rollouts",)))
    assert (finding.state, finding.detail) == ("warning", "Rollout is not served in v1beta1")


async def test_others_without_rollouts_are_of_no_use() -> None:
    (finding, *_) = await examine(Cluster(v1alpha1=("rollouthistories",)))
    assert finding.state == "fault"


@pytest.mark.parametrize("definition", [ROLLOUTS, *BESIDE], ids=lambda each: each.kind)
def test_the_table_is_what_the_definitions_serve(definition: Definition) -> None:
    document = yaml.safe_load((CRDS / f"{definition.resource}.yaml").read_text())
    assert document["spec"]["names"]["kind"] == definition.kind
    served = {version["name"] for version in document["spec"]["versions"] if version["served"]}
    assert served == set(definition.versions)


@pytest.mark.parametrize(
    ("denied", "granted", "histories_max", "state"),
    [
        ((), True, "10", "good"),
        (("get services",), True, "10", "fault"),
        (("list rollouthistories",), False, "10", "fault"),
        (("list rollouthistories",), False, "0", "good"),
        (("list rollouthistories",), False, None, "good"),
    ],
    ids=["granted", "granted in part", "told to, and not granted", "off", "run by other means"],
)
async def test_histories_are_kept_by_who_is_told_to_and_may(
    denied: tuple[str, ...], granted: bool, histories_max: str | None, state: str
) -> None:
    finding = await histories(Cluster(histories_max), denied, granted=granted)
    assert finding.state == state
    assert ("deploy/kubernetes/histories" in finding.remedy) is (state == "fault")
