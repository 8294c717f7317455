"""The compose file and the Dockerfile, as far as parsers can tell: no container was ever started by a test."""

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml
from compose_spec import PyCompose
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
PASSWORDS = ROOT / "deploy" / "nats" / "development.env"
OURS = {"orchestrator", "workload-controller", "traffic-shifter", "metrics-analyzer", "rollout-operator"}


def compose() -> dict[str, Any]:
    document = yaml.safe_load(COMPOSE.read_text())
    assert isinstance(document, dict)
    return document


def services() -> dict[str, dict[str, Any]]:
    found = compose()["services"]
    assert isinstance(found, dict)
    return found


def development() -> dict[str, str]:
    lines = [line for line in PASSWORDS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_compose_file_is_one_by_the_specification() -> None:
    PyCompose.from_json(json.dumps(compose()))


def test_every_variable_is_among_the_development_passwords_and_must_be_set() -> None:
    used = re.findall(r"\$\{(\w+)([^}]*)\}", COMPOSE.read_text())
    assert used
    assert {name for name, _ in used} == set(development())
    assert all(rule.startswith(":?") for _, rule in used)


def test_the_bus_gets_every_password_that_its_configuration_names() -> None:
    named = set(re.findall(r"\$(TIDEGATE_NATS_\w+)", (ROOT / "deploy" / "nats" / "nats.conf").read_text()))
    assert named == set(services()["nats"]["environment"])


def test_each_service_logs_in_as_itself() -> None:
    for name in OURS:
        environment = services()[name]["environment"]
        assert environment["TIDEGATE_NATS_USER"] == name
        assert (
            environment["TIDEGATE_NATS_PASSWORD"] == f"${{TIDEGATE_NATS_{name.upper().replace('-', '_')}_PASSWORD:?}}"
        )


def test_every_service_is_built_from_a_member_that_can_be_started() -> None:
    for name in OURS:
        build = services()[name]["build"]
        assert build["dockerfile"] == "deploy/Dockerfile"
        assert build["args"] == {"SERVICE": name}
        assert (ROOT / "services" / name / "src" / f"tidegate_{name.replace('-', '_')}" / "__main__.py").is_file()


def test_no_service_of_ours_has_more_rights_than_it_needs() -> None:
    for name in OURS:
        service = services()[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        assert "ports" not in service
    identified = ("workload-controller", "traffic-shifter", "rollout-operator")
    identities = [services()[name]["volumes"] for name in identified]
    assert identities == [[f"{name}-identity:/identity:ro"] for name in identified]


def test_ports_are_this_machines_only() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_image_is_pinned_to_a_version() -> None:
    for service in services().values():
        assert re.fullmatch(r"[\w./-]+:v?(\d+\.\d+\.\d+[\w.-]*|dev)", service["image"]), service["image"]


def test_what_is_mounted_and_waited_for_is_there() -> None:
    volumes = set(compose()["volumes"])
    for service in services().values():
        assert set(service.get("depends_on", {})) <= set(services())
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in volumes, volume


def test_the_setup_script_is_a_shell_script() -> None:
    subprocess.run(["sh", "-n", str(ROOT / "deploy" / "docker" / "cluster-setup.sh")], check=True)


def test_prometheus_labels_pods_as_the_sandboxs_does() -> None:
    here = yaml.safe_load((ROOT / "deploy" / "docker" / "prometheus.yml").read_text())
    sandbox = yaml.safe_load((ROOT / "deploy" / "prometheus" / "sandbox.yml").read_text())

    def rules(document: dict[str, Any]) -> Any:
        return next(job["relabel_configs"] for job in document["scrape_configs"] if job["job_name"] == "pods")

    assert rules(here) == rules(sandbox)


def instructions() -> list[tuple[str, str]]:
    parser = DockerfileParser(path=str(DOCKERFILE), cache_content=True)
    return [(part["instruction"], part["value"]) for part in parser.structure if part["instruction"] != "COMMENT"]


def test_the_image_is_pinned_never_root_and_started_without_a_shell() -> None:
    found = instructions()
    bases = [value.split()[0] for instruction, value in found if instruction == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*", base) for base in bases)
    tools = [value for instruction, value in found if instruction == "COPY" and "--from=ghcr" in value]
    assert all(re.search(r":\d+\.\d+\.\d+ ", value) for value in tools)
    last_stage = found[max(index for index, (instruction, _) in enumerate(found) if instruction == "FROM") :]
    assert ("USER", "65532:65532") in last_stage
    assert ("ENTRYPOINT", '["/opt/tidegate/bin/start"]') in last_stage
    assert not any(instruction == "RUN" for instruction, _ in last_stage)


def test_the_image_is_built_with_the_uv_that_the_makefile_uses() -> None:
    version = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version is not None
    assert f"ghcr.io/astral-sh/uv:{version.group(1)} " in DOCKERFILE.read_text()


def test_every_member_of_the_workspace_is_in_the_build_context() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    members = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    manifests = [manifest for member in members for manifest in ROOT.glob(f"{member}/pyproject.toml")]
    assert len(manifests) >= len(members)
    for manifest in manifests:
        name = str(manifest.relative_to(ROOT))
        assert any(name == path or name.startswith(f"{path}/") for path in kept), name
