"""Sandboxes from the outside: bring one up, run something in it, kill a part of it, take it down.

The functions for tests, the demo and the bench; `cli` is a thin layer over them. All of them block: from asyncio
call them by `asyncio.to_thread`. How a sandbox is started is in `launch`, what runs in it in `supervisor`.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Collection, Sequence
from contextlib import ExitStack

from tidegate_sandbox import addresses, control, enter, launch, namespaces, paths, state, toolchain
from tidegate_sandbox.errors import SandboxError
from tidegate_sandbox.launch import OnStep
from tidegate_sandbox.nats_passwords import make_passwords
from tidegate_sandbox.state import SandboxState, directory_of, load, names
from tidegate_sandbox.supervisor.messages import Action, Order, PartStatus
from tidegate_sandbox.supervisor.settings import GROUP_NEEDS, GROUPS, NODE_GRACE_S, NODES, OPTIONAL_GROUPS, Settings

__all__ = ["SandboxState", "down", "exec_command", "load", "names", "part", "status", "unique_name", "up"]


def unique_name(prefix: str) -> str:
    """A name that no other test run has."""
    return f"{prefix}-{secrets.token_hex(4)}"


def up(
    name: str,
    *,
    without: Collection[str] = (),
    including: Collection[str] = (),
    nodes: int = NODES,
    node_grace_s: int = NODE_GRACE_S,
    owner_pid: int | None = None,
    on_step: OnStep | None = None,
) -> SandboxState:
    """Start a sandbox and return when all of it answers.

    Args:
        name: a name that no living sandbox has.
        without: groups of parts to leave out (`GROUPS`); without kubernetes there is no proxy and no podlet either.
        including: groups that a sandbox has only when it is asked for (`OPTIONAL_GROUPS`):
            `kruise`, `resource-metrics`, `traefik`, `mesh`.
        nodes: how many nodes it has, 1 to 50.
        node_grace_s: how long a node may be silent until it counts as lost (Kubernetes' own default is 50).
        owner_pid: a process with which the sandbox shall end, however that process ends.
        on_step: hears of each step that is ready.
    """
    groups = chosen_groups(without, including)
    tools = toolchain.ensure(set().union(*(GROUPS[group] for group in groups)))
    directory, deploy_directory = directory_of(name), paths.deploy_directory()
    with ExitStack() as stack:
        lock = stack.enter_context(launch.claim(directory))
        doors = {door: stack.enter_context(launch.listen()) for door in addresses.FORWARDED}
        report, report_in = os.pipe()
        stack.callback(os.close, report)
        owner = os.pidfd_open(owner_pid) if owner_pid is not None else None
        settings = Settings(
            directory=directory,
            deploy_directory=deploy_directory,
            toolchain=tools,
            groups=groups,
            nodes=nodes,
            node_grace_s=node_grace_s,
            door_descriptors={door: listener.fileno() for door, listener in doors.items()},
            door_addresses={door: launch.address_of(listener) for door, listener in doors.items()},
            report_descriptor=report_in,
            owner_descriptor=owner,
            nats_passwords=make_passwords((deploy_directory / "nats" / "nats.conf").read_text(encoding="utf-8")),
        )
        prefix = namespaces.unshare_prefix()
        try:
            inherited = [lock.fileno(), report_in, *settings.door_descriptors.values()]
            launch.start_supervisor(prefix, settings, [*inherited, owner] if owner is not None else inherited)
        finally:
            os.close(report_in)
            if owner is not None:
                os.close(owner)
        try:
            up_after_s = launch.wait_until_up(report, directory, on_step)
            result = _state_of(settings, name, up_after_s, namespaces.uses_user_namespace(prefix))
        except BaseException:
            control.end(directory)
            raise
        state.save(result)
    return result


def down(name: str) -> bool:
    """End a sandbox and remove its directory; False when there was nothing to end."""
    directory = directory_of(name)
    if not directory.is_dir():
        return False
    was_alive = control.end(directory)
    control.wait_for_unlock(directory / launch.LOCK)
    with launch.claim(directory):
        shutil.rmtree(directory)
    return was_alive


def exec_command(sandbox: SandboxState, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` inside: signals reach it, its exit status comes out, it ends with us."""
    return [
        sys.executable,
        "-I",
        "-S",
        enter.__file__,
        str(sandbox.init_pid),
        str(sandbox.init_start_ticks),
        "user" if sandbox.user_namespace else "root",
        "--",
        *command,
    ]


def part(name: str, action: Action, part_name: str) -> PartStatus:
    """Do something to one part and return how it is then.

    Args:
        name: the sandbox.
        action: `kill` (kill -9; it comes back by itself), `halt` (kill -9 and stay down), `start` (after `halt`;
            returns when it answers), `stop` and `cont` (freeze by SIGSTOP, thaw), `ready` (wait until it answers).
        part_name: as `status` names it.
    """
    answer = control.ask(directory_of(name), Order(part=part_name, action=action))
    return next(one for one in answer.parts if one.name == part_name)


def status(name: str) -> tuple[PartStatus, ...]:
    """How every part is."""
    return control.ask(directory_of(name), Order()).parts


def chosen_groups(without: Collection[str], including: Collection[str]) -> frozenset[str]:
    """The groups of parts that are meant; raises `SandboxError` for a name that is none."""
    if unknown := {*without, *including} - set(GROUPS):
        raise SandboxError(f"no group is called {', '.join(unknown)}; there are: {', '.join(GROUPS)}")
    chosen = set(GROUPS) - (OPTIONAL_GROUPS - set(including)) - set(without)
    for group, need in GROUP_NEEDS.items():
        if need not in chosen:
            chosen.discard(group)
    return frozenset(chosen)


def _state_of(settings: Settings, name: str, up_after_s: float, user_namespace: bool) -> SandboxState:
    directory, doors = settings.directory, settings.door_addresses
    init_pid = control.init_pid(directory)
    if init_pid is None:
        raise SandboxError("the sandbox ended as soon as it was up", remedy=f"look at {directory}/logs")
    inside = {door: f"{addresses.LOOPBACK}:{port}" for door, port in addresses.FORWARDED.items()}
    return SandboxState(
        name=name,
        directory=directory,
        log_directory=directory / "logs",
        audit_log_path=directory / "audit.log",
        control_socket=directory / control.SOCKET,
        init_pid=init_pid,
        init_start_ticks=enter.start_ticks_of(init_pid),
        user_namespace=user_namespace,
        parts=tuple(one.name for one in control.ask(directory, Order()).parts),
        up_after_s=up_after_s,
        kubeconfig_path=directory / "kubeconfigs/outside/admin.yaml",
        kubeconfig_inside_path=directory / "kubeconfigs/inside/admin.yaml",
        kubeconfig_directory=directory / "kubeconfigs/outside",
        kubeconfig_inside_directory=directory / "kubeconfigs/inside",
        api_server_url=f"https://{doors['kubernetes']}",
        api_server_url_inside=f"https://{inside['kubernetes']}",
        nats_url=f"nats://{doors['nats']}",
        nats_url_inside=f"nats://{inside['nats']}",
        nats_monitoring_url=f"http://{doors['nats-monitoring']}",
        nats_monitoring_url_inside=f"http://{inside['nats-monitoring']}",
        nats_passwords=settings.nats_passwords,
        prometheus_url=f"http://{doors['prometheus']}",
        prometheus_url_inside=f"http://{inside['prometheus']}",
        prometheus_targets_directory=directory / "prometheus/targets",
        proxy_url=f"http://{doors['proxy']}",
        proxy_url_inside=f"http://{inside['proxy']}",
        proxy_metrics_url_inside=f"http://{addresses.LOOPBACK}:{addresses.ENVOY_METRICS_PORT}/stats/prometheus",
        podlet_metrics_url_inside=f"http://{addresses.LOOPBACK}:{addresses.PODLET_METRICS_PORT}/metrics",
        traefik_url=f"http://{doors['traefik']}",
        traefik_url_inside=f"http://{inside['traefik']}",
        traefik_admin_url=f"http://{doors['traefik-admin']}",
        traefik_admin_url_inside=f"http://{inside['traefik-admin']}",
        mesh_url=f"http://{doors['mesh']}",
        mesh_url_inside=f"http://{inside['mesh']}",
        mesh_envoy_admin_url_inside=f"http://{addresses.LOOPBACK}:{addresses.MESH_ENVOY_ADMIN_PORT}",
    )
