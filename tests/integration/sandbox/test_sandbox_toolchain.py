"""The cache of built tools, with a one-line Go program in the place of the real ones."""

import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.sandbox import until_true

from tidegate_sandbox import paths
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.toolchain import builder, debian
from tidegate_sandbox.toolchain.progress import Progress
from tidegate_sandbox.toolchain.recipes import Recipe, digest_of

pytestmark = pytest.mark.sandbox

HELLO = Recipe(name="hello", binaries={"hello": "example.com/hello"}, expected_s=1)


class Heard:
    """A progress display that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, names: list[str], expected_s: int) -> None:
        self.lines.append(f"{', '.join(names)}: {expected_s} s")

    def step(self, name: str, number: int, count: int, expected_s: int) -> None:
        self.lines.append(f"{number}/{count} {name} {expected_s} s")

    def note(self, detail: str) -> None:
        self.lines.append(detail)

    def done(self) -> None:
        self.lines.append("done")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pins of one small program, and an empty cache; returns the folder that the cache shall have."""
    pins = tmp_path / "deploy" / "sandbox" / "toolchain" / "hello"
    pins.mkdir(parents=True)
    (pins / "go.mod").write_text("module example.com/hello\n\ngo 1.26.0\n")
    (pins / "go.sum").write_text("")
    (pins / "main.go").write_text('package main\n\nfunc main() { println("hello") }\n')
    monkeypatch.setattr(paths, "deploy_directory", lambda: tmp_path / "deploy")
    monkeypatch.setenv("TIDEGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tools" / "hello-0"


def make(folder: Path, heard: Heard) -> None:
    builder._make_all([HELLO], {"hello": folder}, heard)


def leftovers(folder: Path) -> list[str]:
    return [entry.name for entry in folder.parent.iterdir() if entry != folder]


def test_a_missing_tool_is_built_and_told_of(folder: Path) -> None:
    heard = Heard()
    make(folder, heard)
    done = subprocess.run([folder / "bin" / "hello"], capture_output=True, text=True, check=True)
    assert done.stderr == "hello\n"
    assert (*heard.lines[:2], heard.lines[-1]) == ("hello: 1 s", "1/1 hello 1 s", "done")
    assert leftovers(folder) == []


def test_a_tool_that_is_there_is_not_built_again(folder: Path) -> None:
    make(folder, Heard())
    before = (folder / "bin" / "hello").stat()
    make(folder, Heard())
    assert (folder / "bin" / "hello").stat() == before


def test_a_build_that_fails_shows_the_compilers_words_and_leaves_nothing(folder: Path) -> None:
    (paths.deploy_directory() / "sandbox/toolchain/hello/main.go").write_text(
        "package main\n\nfunc main() { oops() }\n"
    )
    with pytest.raises(SandboxError, match=r"failed\n(.|\n)*undefined: oops"):
        make(folder, Heard())
    assert not folder.exists()
    assert leftovers(folder) == []


def test_a_second_builder_waits_for_the_first_and_takes_its_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = paths.cache_home() / "go-on"
    real = builder._build_with_go

    def slow(recipe: Recipe, destination: Path, log: Path, progress: Progress) -> None:
        until_true(go_on.exists, what="the test letting the first builder go on")
        real(recipe, destination, log, progress)

    monkeypatch.setattr(builder, "_build_with_go", slow)
    first = multiprocessing.get_context("fork").Process(target=make, args=(folder, Heard()))
    first.start()
    try:
        until_true(lambda: folder.parent.is_dir() and leftovers(folder), what="the first builder at work")
        monkeypatch.setattr(builder, "_build_with_go", _never)
        heard = HeardAnd(go_on)
        make(folder, heard)
    finally:
        first.join(timeout=20)
    assert "another process is building; waiting for it" in heard.lines
    assert (folder / "bin" / "hello").is_file()


class HeardAnd(Heard):
    """Lets the first builder go on once the second is known to wait."""

    def __init__(self, go_on: Path) -> None:
        super().__init__()
        self._go_on = go_on

    def note(self, detail: str) -> None:
        super().note(detail)
        self._go_on.touch()


def _never(*_: object) -> None:
    raise AssertionError("the second builder built")


def test_a_builder_that_was_killed_leaves_neither_lock_nor_rubbish_for_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builder._build_with_go
    monkeypatch.setattr(builder, "_build_with_go", lambda *_: time.sleep(60))
    first = multiprocessing.get_context("fork").Process(target=make, args=(folder, Heard()))
    first.start()
    until_true(lambda: folder.parent.is_dir() and leftovers(folder), what="the first builder at work")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join(timeout=20)
    monkeypatch.setattr(builder, "_build_with_go", real)
    make(folder, Heard())
    assert (folder / "bin" / "hello").is_file()
    assert leftovers(folder) == []


def test_other_pins_and_other_code_make_another_tool(folder: Path) -> None:
    pins = paths.deploy_directory() / "sandbox/toolchain"
    digests = [digest_of(HELLO, pins)]
    for name in ("go.mod", "main.go"):
        (pins / "hello" / name).write_text("changed")
        digests.append(digest_of(HELLO, pins))
    assert len(set(digests)) == len(digests)


def test_without_apt_debians_package_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not debian.prometheus_from_package(tmp_path, tmp_path / "log")


def test_a_tool_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SandboxError, match="no tool is called nats"):
        builder.ensure({"nats"})
