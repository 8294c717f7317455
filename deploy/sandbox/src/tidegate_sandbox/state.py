"""What outsiders know of a running sandbox: one JSON file in its directory, and whether it is alive.

`sandbox.up` writes it once; tests, the demo, the CLI and the services' launchers read it. "Inside" values are for
programs started by `exec`, the others for anything on the machine.
"""

import re
from pathlib import Path

import msgspec

from tidegate_sandbox import files, paths
from tidegate_sandbox.enter import start_ticks_of
from tidegate_sandbox.errors import SandboxError

STATE_FILE = "state.json"
NAME_RULE = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


class SandboxState(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything of one sandbox is.

    Args:
        init_pid: process 1 of the sandbox, by its number outside; ending it ends the sandbox.
        init_start_ticks: tells that process from a later one of the same number.
        user_namespace: the sandbox was started without root.
        kubeconfig_directory: one kubeconfig per user: admin, workload-controller, traffic-shifter, prometheus, ...
        nats_passwords: by user of deploy/nats/nats.conf.
        prometheus_targets_directory: put a file_sd JSON file here to have something inside scraped.
    """

    name: str
    directory: Path
    log_directory: Path
    audit_log_path: Path
    control_socket: Path
    init_pid: int
    init_start_ticks: int
    user_namespace: bool
    parts: tuple[str, ...]
    up_after_s: float
    kubeconfig_path: Path
    kubeconfig_inside_path: Path
    kubeconfig_directory: Path
    kubeconfig_inside_directory: Path
    api_server_url: str
    api_server_url_inside: str
    nats_url: str
    nats_url_inside: str
    nats_monitoring_url: str
    nats_monitoring_url_inside: str
    nats_passwords: dict[str, str]
    prometheus_url: str
    prometheus_url_inside: str
    prometheus_targets_directory: Path
    proxy_url: str
    proxy_url_inside: str
    proxy_metrics_url_inside: str
    podlet_metrics_url_inside: str
    traefik_url: str
    traefik_url_inside: str
    traefik_admin_url: str
    traefik_admin_url_inside: str
    mesh_url: str
    mesh_url_inside: str
    mesh_envoy_admin_url_inside: str

    @property
    def alive(self) -> bool:
        try:
            return start_ticks_of(self.init_pid) == self.init_start_ticks
        except OSError:
            return False


def directory_of(name: str) -> Path:
    if not NAME_RULE.fullmatch(name):
        raise SandboxError(f"{name!r} can't be a sandbox's name", remedy="use up to 32 of a-z, 0-9 and -")
    return paths.state_home() / name


def load(name: str) -> SandboxState:
    """The state of a sandbox that is up; raises `SandboxError` when it is not."""
    state = load_if_any(name)
    if state is None or not state.alive:
        raise SandboxError(
            f"the sandbox {name} is not up", remedy=f"`python -m tidegate_sandbox up --name {name}` brings it up"
        )
    return state


def load_if_any(name: str) -> SandboxState | None:
    """The state file as it is, of a living or a dead sandbox."""
    try:
        return files.decode((directory_of(name) / STATE_FILE).read_bytes(), SandboxState)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise SandboxError(
            f"the state of the sandbox {name} is of another version: {error}",
            remedy=f"end the process of that sandbox and remove {directory_of(name)}",
        ) from error


def save(state: SandboxState) -> None:
    """Write the whole file or nothing."""
    files.write_private(state.directory / STATE_FILE, state)


def names() -> list[str]:
    """All sandboxes that have a directory."""
    home = paths.state_home()
    return sorted(entry.name for entry in home.iterdir() if entry.is_dir()) if home.is_dir() else []
