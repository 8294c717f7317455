"""Runs one command inside a sandbox's namespaces, as if it were the command: signals go in, its end comes out.

Started as a script, by path (`sandbox.exec_command` says how), so it imports only the standard library and stays
small. `nsenter` alone won't do: a signal sent to it would leave the command running. If this process is killed,
the command is killed with it; if the sandbox goes down, the command goes with it.
"""

import ctypes
import os
import signal
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SI_KERNEL = 0x80
EXIT_NOT_ENTERED = 125
EXIT_NOT_FOUND = 127

FORWARDED_SIGNALS = {
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
}
_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """`enter.py INIT_PID STARTED_TICKS user|root -- COMMAND ...`."""
    init, started, privilege = arguments[0], arguments[1], arguments[2]
    command = arguments[4:]
    try:
        sandbox = open_sandbox(int(init), int(started))
        directory = os.getcwd()  # noqa: PTH109 - pathlib would double this process's memory
        enter(sandbox, CLONE_NEWPID | (CLONE_NEWUSER if privilege == "user" else 0))
    except OSError as error:
        print(f"the sandbox with init {init} can't be entered: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_NOT_ENTERED
    signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED_SIGNALS, signal.SIGCHLD})
    child = os.fork()
    if child == 0:
        become(command, sandbox, directory)
    os.close(sandbox)
    return wait_for(child)


def open_sandbox(init_pid: int, started_ticks: int) -> int:
    """A file descriptor of the sandbox's init, made sure to be that process and not a later one of the same number."""
    descriptor = os.pidfd_open(init_pid)
    if start_ticks_of(init_pid) != started_ticks:
        raise ProcessLookupError(f"process {init_pid} is another one by now")
    return descriptor


def start_ticks_of(pid: int) -> int:
    """When a process started, in clock ticks since boot."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123 - as above
        return int(stat.read().rpartition(")")[2].split()[19])


def enter(process: int, namespaces: int) -> None:
    if _libc.setns(process, namespaces) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def become(command: list[str], sandbox: int, directory: str) -> None:
    """In the child: take the other namespaces and turn into the command; never returns."""
    try:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        enter(sandbox, CLONE_NEWNET | CLONE_NEWNS)
        os.chdir(directory)
        for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(ignored_by_python, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.execvp(command[0], command)  # noqa: S606 - that is what it is for
    except OSError as error:
        print(f"{command[0]}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(EXIT_NOT_FOUND)


def wait_for(child: int) -> int:
    """Pass signals on until the child has ended, then end the same way."""
    while True:
        received = signal.sigwaitinfo({*FORWARDED_SIGNALS, signal.SIGCHLD})
        if received.si_signo == signal.SIGCHLD:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid == child:
                return end_like(status)
        elif received.si_code != SI_KERNEL:
            # A terminal's signal (from the kernel) reaches the child too, which shares our process group.
            os.kill(child, received.si_signo)


def end_like(status: int) -> int:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
