"""Every example is a request that would be accepted, and every folder says what it shows."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tidegate_cli import requests
from tidegate_contracts import schema
from tidegate_contracts.plan import plan

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
FOLDERS = sorted(folder for folder in EXAMPLES.iterdir() if folder.is_dir())
FILES = sorted(file for file in EXAMPLES.glob("*/request.*"))
SHOWN = re.compile(r"(?ms)^```yaml\n(type: rollout\.requested.*?)^```")
DEMO = sorted((EXAMPLES.parent / "demo" / "src" / "tidegate_demo" / "manifests").glob("v*.yaml"))


def test_each_folder_holds_one_request_guard_or_plugin_and_a_page() -> None:
    assert len(FOLDERS) >= 6
    numbers = [folder.name.partition("-")[0] for folder in FOLDERS]
    assert len(set(numbers)) == len(numbers)
    for folder in FOLDERS:
        assert re.fullmatch(r"[0-9]{2}-[a-z-]+", folder.name)
        assert (folder / "README.md").is_file()
        assert sum(len([*folder.glob(one)]) for one in ("request.*", "guard.*", "pyproject.toml")) == 1
        assert f"[{folder.name}]({folder.name})" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*/guard.*")), ids=lambda file: file.parent.name)
def test_an_example_of_a_guard_can_be_set(file: Path) -> None:
    requests.check_guard(requests.parse_guard(file.read_bytes(), file.name, "somebody"), "default", file.name)


def test_a_request_that_is_shown_in_a_page_can_be_planned() -> None:
    pages = {folder: SHOWN.findall((folder / "README.md").read_text()) for folder in FOLDERS}
    assert any(pages.values())
    for folder, shown in pages.items():
        for text in shown:
            request = requests.parse(text.encode(), f"{folder.name}/README.yaml")
            requests.check(request, "default", folder.name)


@pytest.mark.parametrize("file", [*FILES, *DEMO], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_an_example_is_a_request_that_can_be_planned(file: Path) -> None:
    request = requests.parse(file.read_bytes(), file.name)
    requests.check(request, "default", file.name)
    assert plan(request)[-1].target.percent == 100


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_an_example_fits_the_published_schema(file: Path) -> None:
    document = json.loads((schema.DIRECTORY / "rollout.requested.v1.json").read_text())
    Draft202012Validator(document).validate(yaml.safe_load(file.read_text()))
