"""How a sandbox gets its own network, processes and mounts, as root or not.

`sandbox.up` asks for the prefix of the supervisor's command line; the first set of options that works on this
machine is taken, so a container that forbids mounting /proc still gets a sandbox.
"""

import os
import shutil
import subprocess

from tidegate_sandbox.errors import SandboxError

PROBE_TIMEOUT_S = 10
_ALWAYS = ("--net", "--pid", "--mount", "--fork", "--kill-child=SIGKILL")
_AS_USER = ("--user", "--map-root-user")
_OWN_PROC = ("--mount-proc",)


def unshare_prefix() -> list[str]:
    """`unshare` with the best options that this machine allows."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise SandboxError("`unshare` is not here", remedy="install util-linux (Linux only)")
    refusals = []
    for options in _candidates(root=os.geteuid() == 0):
        prefix = [unshare, *options]
        probe = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False, timeout=PROBE_TIMEOUT_S)
        if probe.returncode == 0:
            return prefix
        refusals.append(f"{' '.join(options)}: {probe.stderr.strip()}")
    raise SandboxError(
        "this machine allows no network namespace of our own",
        detail="\n".join(refusals),
        remedy="run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0); in a container, add the capability SYS_ADMIN",
    )


def uses_user_namespace(prefix: list[str]) -> bool:
    return "--user" in prefix


def _candidates(*, root: bool) -> list[tuple[str, ...]]:
    as_user = [(*_AS_USER, *_ALWAYS, *_OWN_PROC), (*_AS_USER, *_ALWAYS)]
    return [(*_ALWAYS, *_OWN_PROC), _ALWAYS, *as_user] if root else as_user
