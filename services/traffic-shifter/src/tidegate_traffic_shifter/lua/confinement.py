"""What a process gives up for good before it runs somebody's script: files, network, processes, time and memory.

Called by `__main__` only. Each limit holds without the others: the kernel's filter of system calls, which is left out
where there is none for the machine, refuses what the limits on resources would let through.
"""

import ctypes
import platform
import resource
import struct
from typing import Final

CPU_S_MAX: Final = 2
"""Behind the runner's own second of the clock, which begins when the interpreter stands."""
ADDRESS_SPACE_BYTES_MAX: Final = 512 * 1024 * 1024

_SET_NO_NEW_PRIVILEGES: Final = 38
_SET_FILTER: Final = 22
_MODE_FILTER: Final = 2
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001
"""With EPERM."""
_KILL: Final = 0x80000000
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4

_CALLS: Final = {
    # read write close mmap munmap brk rt_sigaction rt_sigprocmask rt_sigreturn mremap madvise exit futex clock_gettime
    # exit_group
    "x86_64": (0xC000003E, (0, 1, 3, 9, 11, 12, 13, 14, 15, 25, 28, 60, 202, 228, 231)),
    "aarch64": (0xC00000B7, (63, 64, 57, 222, 215, 214, 134, 135, 139, 216, 233, 93, 98, 113, 94)),
}
"""By machine: what the kernel calls it, and the numbers of the calls that an interpreter in memory needs."""


def confine() -> None:
    """From here on nothing can be opened, started or reached; what is open can be read and written."""
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE_BYTES_MAX)
    _limit(resource.RLIMIT_CPU, CPU_S_MAX)
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        _limit(kind, 0)
    _filter_calls()


def _limit(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (allowed, allowed))


def _filter_calls() -> None:
    known = _CALLS.get(platform.machine())
    if known is None:
        return
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    code = ctypes.create_string_buffer(_program(*known))
    header = struct.pack("HP", (len(code) - 1) // 8, ctypes.addressof(code))
    library.prctl(_SET_FILTER, _MODE_FILTER, ctypes.c_char_p(header), 0, 0)


def _program(architecture: int, calls: tuple[int, ...]) -> bytes:
    """A filter for the kernel's own little machine: the calls of this list, on this architecture, and no others."""
    steps = [(_LOAD, 0, 0, _ARCHITECTURE_AT), (_IF_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _KILL)]
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    steps += [(_IF_EQUAL, len(calls) - index, 0, number) for index, number in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)
