"""The pages for users name everything there is: each field of a request, each command, each exit code, each control."""

import re
from pathlib import Path

import msgspec
import pytest
from typer.main import get_command

from tidegate_cli.app import app
from tidegate_cli.errors import Exit
from tidegate_contracts import rollout
from tidegate_contracts.codec import decode_request, tag_of
from tidegate_contracts.registry import CLASSES
from tidegate_contracts.validate import validate
from tidegate_contracts.workload import WorkloadReference

ROOT = Path(__file__).parents[3]
PARTS = [
    WorkloadReference,
    *(part for part in vars(rollout).values() if isinstance(part, type) and part.__module__ == rollout.__name__),
]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_every_field_of_a_request_is_explained(part: type[msgspec.Struct]) -> None:
    text = page("requests.md")
    for field in part.__struct_fields__:
        assert f"`{field}`" in text, f"{part.__name__}.{field}"


def test_every_command_and_its_own_options_are_explained() -> None:
    text = page("cli.md")
    for name in get_command(app).commands:  # type: ignore[attr-defined]
        assert re.search(rf"`{name}[ `]", text), name


def test_every_exit_code_is_explained() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", page("cli.md"), re.MULTILINE)}
    assert listed == {*map(int, Exit), 130}


def test_every_control_and_every_end_is_explained() -> None:
    text = page("events.md")
    for kind in CLASSES["controls"]:
        assert tag_of(kind) in text


@pytest.mark.parametrize("name", ["requests.md", "cli.md", "events.md", "compose.md"])
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page(name)):
        assert (ROOT / "docs" / target).resolve().exists(), target


@pytest.mark.parametrize("name", ["../README.md", "events.md"])
def test_the_request_in_the_shell_line_is_valid(name: str) -> None:
    (said,) = re.findall(r"pub tidegate\.requests\.default\.default \\\n +'(.+?)'\n", page(name))
    assert validate(decode_request(said.encode()), "default") == ()
