"""Documents that hold: links lead somewhere, and nothing of any one machine stands in the repository."""

import re
from pathlib import Path

import pytest
from support.sources import REPOSITORY, tracked_files

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"(?m)^#{1,6}\s+(.+?)\s*$")
FENCE = re.compile(r"(?ms)^```.*?^```")
MACHINE = re.compile(r"/(?:work|root)/|/home/(?!nonroot\b|tidegate\b)\w+/|/tmp/(?:brief|uvboot)")
TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".sh", ".conf", ".env", ".cfg", ".txt", ""}
DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    targets = [target for found in LINK.findall(text) for target in found if target]
    assert [target for target in targets if not _leads_somewhere(document, target)] == []


def test_nothing_of_one_machine_stands_in_the_repository() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in tracked_files()
        if path.suffix in TEXTS and path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if MACHINE.search(line)
    ]
    assert found == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    document = tmp_path / "a.md"
    document.write_text("# One thing\n")
    assert _leads_somewhere(document, "#one-thing")
    assert not _leads_somewhere(document, "#another-thing")
    assert not _leads_somewhere(document, "b.md")


def _leads_somewhere(document: Path, target: str) -> bool:
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return True
    name, _, anchor = target.partition("#")
    file = (document.parent / name).resolve() if name else document
    if not file.exists():
        return False
    return not anchor or file.suffix != ".md" or anchor in _anchors(file)


def _anchors(document: Path) -> set[str]:
    """As the usual renderers make them from headings."""
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    plain = (re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}
