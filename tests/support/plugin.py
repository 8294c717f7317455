"""The example plugins of deploy/examples, installed for those alone who look into one folder.

A test puts the folder on the path of a process of its own, so that nothing stays installed.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from support.sources import REPOSITORY

EXAMPLE: Final = REPOSITORY / "deploy/examples/20-plugin-kind"
ROUTER_EXAMPLE: Final = REPOSITORY / "deploy/examples/21-plugin-router"
SQUAD: Final = f"{EXAMPLE / 'conformance.py'}:SQUAD"
INSTALL_TIMEOUT_S: Final = 60


def install(folder: Path, example: Path = EXAMPLE) -> dict[str, str]:
    """Install the plugin as anybody would; answers with the environment in which Python finds it."""
    uv = REPOSITORY / ".bootstrap/bin/uv"
    command = [uv if uv.exists() else shutil.which("uv"), "pip", "install", "--quiet", "--offline", "--no-deps"]
    done = subprocess.run(
        [*map(str, command), "--target", str(folder), str(example)],
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": str(folder)}
