"""What may be left of a sandbox after its end: read from /proc, which knows better than the sandbox."""

from pathlib import Path

from tidegate_sandbox.state import SandboxState


def pid_namespace(state: SandboxState) -> str:
    return str(Path(f"/proc/{state.init_pid}/ns/pid").readlink())


def living_processes_of(namespace: str) -> set[int]:
    """Every process in a pid namespace (as /proc names it) that is not just waiting to be buried."""
    found = set()
    for folder in Path("/proc").iterdir():
        try:
            in_it = folder.name.isdigit() and str((folder / "ns/pid").readlink()) == namespace
            if in_it and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(int(folder.name))
        except OSError:
            continue
    return found
