"""Takes Prometheus from Debian's package, downloaded and unpacked without root: seconds instead of minutes.

Called by `builder` for the one tool whose build is long. Answers False wherever that road is closed (no apt,
no network, a program that does not run here), and the caller builds from source instead.
"""

import os
import shutil
import subprocess
from pathlib import Path

DOWNLOAD_TIMEOUT_S = 300
EXPECTED_S = 10


def is_possible() -> bool:
    """Whether the machine has the tools for it; the download may still fail."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def prometheus_from_package(destination: Path, log: Path) -> bool:
    """Put `destination/bin/prometheus` there; False when Debian cannot provide it."""
    if not is_possible():
        return False
    scratch = destination / "apt"
    try:
        package = _download("prometheus", scratch, log)
        if package is None:
            return False
        _run(["dpkg-deb", "-x", str(package), str(scratch / "unpacked")], scratch, log)
        program = scratch / "unpacked" / "usr" / "bin" / "prometheus"
        _run([str(program), "--version"], scratch, log)
        (destination / "bin").mkdir()
        program.rename(destination / "bin" / "prometheus")
        (destination / "SOURCE").write_text(f"Debian package {package.name}\n", encoding="utf-8")
    except (OSError, subprocess.SubprocessError) as error:
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"Debian's package is no way here: {error}\n")
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _download(package: str, scratch: Path, log: Path) -> Path | None:
    """First by the machine's own package lists, then by lists of ours, so that stale or missing ones don't matter."""
    options = _apt_options(scratch, own_lists=False)
    try:
        _run(["apt-get", *options, "download", package], scratch, log)
    except subprocess.CalledProcessError:
        options = _apt_options(scratch, own_lists=True)
        _run(["apt-get", *options, "update"], scratch, log)
        _run(["apt-get", *options, "download", package], scratch, log)
    return next(iter(scratch.glob(f"{package}_*.deb")), None)


def _apt_options(scratch: Path, *, own_lists: bool) -> list[str]:
    for folder in ("lists/partial", "cache/archives/partial"):
        (scratch / folder).mkdir(parents=True, exist_ok=True)
    options = ["-q", "-o", f"Dir::Cache={scratch}/cache", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]
    return [*options, "-o", f"Dir::State::Lists={scratch}/lists"] if own_lists else options


def _run(command: list[str], directory: Path, log: Path) -> None:
    with log.open("ab") as output:
        subprocess.run(
            command,
            cwd=directory,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            env=os.environ | {"LC_ALL": "C"},
        )
