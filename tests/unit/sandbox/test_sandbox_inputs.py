"""The small pure pieces of the sandbox: names, passwords, credentials, targets for Prometheus, durations."""

import base64
import csv
from pathlib import Path

import msgspec
import pytest

from tidegate_sandbox import credentials, files, nats_passwords, paths
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.namespaces import _candidates
from tidegate_sandbox.parts.api_server_client import without_descriptions
from tidegate_sandbox.parts.pod_targets import Pod, target_of
from tidegate_sandbox.state import directory_of
from tidegate_sandbox.toolchain.progress import bar, duration
from tidegate_sandbox.toolchain.recipes import RECIPES, digest_of

PINS = Path(__file__).parents[3] / "deploy" / "sandbox" / "toolchain"


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a/b", "..", "a" * 33, "a b", "a\n"])
def test_a_name_that_is_no_folder_or_label_is_refused(name: str) -> None:
    with pytest.raises(SandboxError, match="can't be a sandbox's name"):
        directory_of(name)


def test_a_state_folder_too_deep_for_a_socket_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_SANDBOX_HOME", "/" + "x" * 80)
    with pytest.raises(SandboxError, match="too long a path"):
        paths.state_home()


def test_each_user_that_the_configuration_names_gets_a_password_of_its_own() -> None:
    made = nats_passwords.make_passwords(
        "{user: a, password: $TIDEGATE_NATS_A_PASSWORD} {password: $TIDEGATE_NATS_TRAFFIC_SHIFTER_PASSWORD }"
        "$TIDEGATE_NATS_A_PASSWORD $TIDEGATE_NATS_STORE_DIRECTORY"
    )
    assert set(made) == {"a", "traffic-shifter"}
    assert made["a"] != made["traffic-shifter"]
    assert all(word[0].isalpha() for word in made.values())
    assert nats_passwords.as_environment(made) == {
        "TIDEGATE_NATS_A_PASSWORD": made["a"],
        "TIDEGATE_NATS_TRAFFIC_SHIFTER_PASSWORD": made["traffic-shifter"],
    }


def test_users_stand_for_service_accounts_with_their_groups() -> None:
    users = credentials.make_users()
    lines = {line[1]: line for line in csv.reader(user.token_line for user in users)}
    token, _, _, groups = lines["system:serviceaccount:tidegate-system:workload-controller"]
    assert groups == "system:serviceaccounts,system:serviceaccounts:tidegate-system"
    assert len(token) == 48
    assert len({line[0] for line in lines.values()}) == len(users)


def test_the_signing_key_is_another_one_each_time_and_has_the_form_of_a_p256_key() -> None:
    bodies = set()
    for _ in range(3):
        first, *middle, last = credentials.signing_key_pem().splitlines()
        assert (first, last) == ("-----BEGIN EC PRIVATE KEY-----", "-----END EC PRIVATE KEY-----")
        body = base64.b64decode("".join(middle))
        assert len(body) == body[1] + 2 == 51
        bodies.add(body)
    assert len(bodies) == 3


def test_a_kubeconfig_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("certificate")
    users = credentials.make_users()
    credentials.write_kubeconfigs(tmp_path / "users", users, "https://127.0.0.1:1", tmp_path / "ca.crt")
    file = tmp_path / "users" / "traffic-shifter.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    user = next(user for user in users if user.kubeconfig_name == "traffic-shifter")
    assert msgspec.json.decode(file.read_bytes())["users"][0]["user"]["token"] == user.token


def test_a_pod_becomes_a_target_with_the_labels_of_the_real_discovery() -> None:
    pod = msgspec.convert(
        {
            "metadata": {
                "name": "web-1",
                "namespace": "shop",
                "annotations": {"prometheus.io/scrape": "true"},
                "labels": {"pod-template-hash": "abc"},
            },
            "status": {"phase": "Running", "podIP": "10.244.0.7"},
        },
        Pod,
    )
    target = target_of(pod)
    assert target is not None
    assert target.targets == ["10.244.0.7"]
    assert target.labels == {
        "__meta_kubernetes_namespace": "shop",
        "__meta_kubernetes_pod_name": "web-1",
        "__meta_kubernetes_pod_ip": "10.244.0.7",
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
        "__meta_kubernetes_pod_label_pod_template_hash": "abc",
    }


@pytest.mark.parametrize("status", [{}, {"phase": "Pending"}, {"phase": "Failed", "podIP": "10.244.0.7"}])
def test_a_pod_without_an_address_or_a_finished_one_is_no_target(status: dict[str, str]) -> None:
    pod = msgspec.convert({"metadata": {"name": "web-1", "namespace": "shop"}, "status": status}, Pod)
    assert target_of(pod) is None


def test_a_change_of_a_pin_or_a_flag_makes_another_digest(tmp_path: Path) -> None:
    recipe = RECIPES[0]
    folder = tmp_path / recipe.name
    folder.mkdir()
    for name in ("go.mod", "go.sum"):
        (folder / name).write_bytes((PINS / recipe.name / name).read_bytes())
    before = digest_of(recipe, tmp_path)
    assert digest_of(recipe, PINS) == before
    assert digest_of(msgspec.structs.replace(recipe, link_flags="-X a=b"), tmp_path) != before
    (folder / "go.sum").write_text("other")
    assert digest_of(recipe, tmp_path) != before


def test_the_kubernetes_programs_are_given_the_version_that_is_pinned() -> None:
    recipe = next(recipe for recipe in RECIPES if recipe.name == "kubernetes")
    pinned = (PINS / "kubernetes" / "go.mod").read_text()
    version = next(line.split()[1] for line in pinned.splitlines() if "k8s.io/kubernetes v" in line)
    assert f"gitVersion={version}" in recipe.link_flags.replace(" ", "\n").splitlines()[1].split("version.", 1)[1]


def test_values_with_paths_survive_the_way_through_a_file(tmp_path: Path) -> None:
    class Thing(msgspec.Struct):
        where: Path
        number: int

    files.write_private(tmp_path / "thing.json", Thing(tmp_path, 3))
    assert files.decode((tmp_path / "thing.json").read_bytes(), Thing) == Thing(tmp_path, 3)


def test_a_user_namespace_is_the_last_resort_of_root_and_the_only_way_of_others() -> None:
    assert "--user" not in _candidates(root=True)[0]
    assert any("--user" in options for options in _candidates(root=True))
    assert all("--user" in options for options in _candidates(root=False))


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59.6, "60 s"), (119, "119 s"), (120, "2 min 00 s"), (303, "5 min 03 s")]
)
def test_a_duration_reads_like_speech(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(("share", "shown"), [(0, "░░░░"), (0.5, "██░░"), (1, "████")])
def test_a_bar_is_filled_by_its_share(share: float, shown: str) -> None:
    assert bar(share, 4) == shown


def test_a_definition_goes_without_descriptions_but_keeps_a_property_of_that_name() -> None:
    text = {"type": "string", "description": "What it is."}
    schema = {"type": "object", "description": "All.", "properties": {"description": text, "properties": text}}
    assert without_descriptions({"spec": {"versions": [{"schema": schema}]}}) == {
        "spec": {
            "versions": [
                {
                    "schema": {
                        "type": "object",
                        "properties": {"description": {"type": "string"}, "properties": {"type": "string"}},
                    }
                }
            ]
        }
    }
