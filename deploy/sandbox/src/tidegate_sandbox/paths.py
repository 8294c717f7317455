"""Where things are on the machine: the repository's inputs, the cache of built tools, the state of sandboxes.

Called by everything that reads a pin, a manifest or a state file. Only environment variables and the place of
this file decide; nothing is created here.
"""

import os
from pathlib import Path

from tidegate_sandbox.errors import SandboxError

# A unix socket's path holds at most 107 bytes, and ours end in /control.sock below a name of up to 32 bytes.
STATE_HOME_BYTES_MAX = 107 - len("/control.sock") - 33


def deploy_directory() -> Path:
    """`deploy/` of the repository: pins, NATS and Prometheus configuration, manifests."""
    directory = Path(__file__).resolve().parents[3]
    if not (directory / "sandbox" / "toolchain").is_dir():
        raise SandboxError(
            "the sandbox's pins (deploy/sandbox/toolchain) are not beside its code",
            remedy="run it from a clone of the repository, installed as editable (`uv sync` does that)",
        )
    return directory


def cache_home() -> Path:
    """Built tools live here: large, shared by all sandboxes, safe to delete."""
    if chosen := os.environ.get("TIDEGATE_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "tidegate"


def state_home() -> Path:
    """One directory per sandbox lives here, removed when the sandbox goes down."""
    if chosen := os.environ.get("TIDEGATE_SANDBOX_HOME"):
        home = Path(chosen).absolute()
    else:
        base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        home = Path(base).absolute() / "tidegate" / "sandbox"
    if len(os.fsencode(home)) > STATE_HOME_BYTES_MAX:
        raise SandboxError(
            f"{home} is too long a path for the sandbox's unix sockets",
            remedy=f"point TIDEGATE_SANDBOX_HOME at a path of at most {STATE_HOME_BYTES_MAX} bytes",
        )
    return home
