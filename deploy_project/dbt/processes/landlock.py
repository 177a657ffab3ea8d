"""The kernel's hold on a process, for good: Landlock for files, signals and ports; rights; limits.

`child.py` loads this file by its path into the Python of any dbt, so it imports nothing of this
package. Landlock is told by system calls, since no well-kept library binds them.
https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import resource
from collections.abc import Iterable, Sequence
from typing import Any

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""The system calls' numbers, the same on every architecture."""
_VERSION, _BENEATH, _PORT = 1, 1, 2
_NO_NEW_PRIVILEGES = 38
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_BIND, _CONNECT = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_OWN = "/proc/self"
"""A directory of the process's own, which it may read."""
_MORE_THREADS = 1000
"""So many threads the user of a held process may have beyond those of the machine when it began."""
_NEEDED = (
    *((1, "files"), (2, "files that are linked or moved"), (3, "files that are truncated")),
    *((4, "ports"), (5, "devices"), (6, "signals to other processes"), (6, "abstract sockets")),
)
"""What the kernel can hold as of which version of Landlock."""


class _Rule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("place", ctypes.c_int32))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock's interface; 0 where the kernel has none, or has it off."""
    try:
        return max(0, _libc().syscall(_CREATE, None, 0, _VERSION))
    except (OSError, AttributeError):  # another system than Linux
        return 0


def missing(found: int) -> list[str]:
    """Return the names of all that a kernel with version `found` does not hold."""
    return [name for needed, name in _NEEDED if found < needed]


def hold(
    reads: Iterable[str],
    writes: Iterable[str],
    *,
    ports: Sequence[int] | None,
    memory: int | None,
) -> None:
    """Hold this process, and all that it will start, to these files and directories.

    Those that do not exist are left out. It may write only `writes`, read these and `reads`,
    connect only to the TCP `ports` unless that is None, signal only what it has started itself, and
    has no right of root's. `memory` limits the data of each process, in bytes. Its threads and
    processes are limited so that others can start some, too, but the kernel holds root to no such
    limit. Raises `OSError`.

    The process must have a single thread: those that exist already would stay free.
    """
    if len(os.listdir("/proc/self/task")) != 1:
        raise OSError("this process has several threads, and only one of them would be held")
    libc, abi = _libc(), version()
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    _limit_threads()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _checked(libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no new privileges")
    if abi:
        _restrict(libc, abi, reads, writes, ports)
    _drop_rights(libc)


def _limit_threads() -> None:
    """Limit the threads of this user to some more than the whole machine has now."""
    with open("/proc/loadavg", encoding="utf-8") as file:
        found = int(file.read().split()[3].partition("/")[2])
    known = resource.getrlimit(resource.RLIMIT_NPROC)
    lower = (each for each in known if each != resource.RLIM_INFINITY)
    most = min([found + _MORE_THREADS, *lower])
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def _restrict(
    libc: Any, abi: int, reads: Iterable[str], writes: Iterable[str], ports: Sequence[int] | None
) -> None:
    files = (1 << (13 + sum(abi >= each for each in (2, 3, 5)))) - 1
    net = _BIND | _CONNECT if ports is not None and abi >= 4 else 0
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if abi >= 6 else 0
    known = (ctypes.c_uint64 * 3)(files, net, scoped)
    size = 8 * (1 + (abi >= 4) + (abi >= 6))
    ruleset = _checked(libc.syscall(_CREATE, known, size, 0), "a ruleset")
    not_written = _EXECUTE | _MAKE_CHAR | _MAKE_SOCK | _MAKE_FIFO | _MAKE_BLOCK
    allowed = [(each, _READ) for each in (*reads, _OWN)]
    allowed += [(each, files & ~not_written) for each in writes]
    try:
        for path, rights in allowed:
            _allow(libc, ruleset, path, rights)
        for port in ports if net and ports else ():
            rule = (ctypes.c_uint64 * 2)(_CONNECT, port)
            _checked(libc.syscall(_ADD, ruleset, _PORT, rule, 0), f"port {port}")
        _checked(libc.syscall(_RESTRICT, ruleset, 0), "a restriction")
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: str, rights: int) -> None:
    """Allow rights below a directory, or of a file; a path that is not there allows nothing."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{place}"):
            rights &= _OF_A_FILE
        rule = _Rule(rights, place)
        _checked(libc.syscall(_ADD, ruleset, _BENEATH, ctypes.byref(rule), 0), path)
    finally:
        os.close(place)


def _drop_rights(libc: Any) -> None:
    """Give up the rights of root, such as opening the files of others or restarting the machine."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _checked(libc.capset(header, (ctypes.c_uint32 * 6)()), "no capabilities")


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refuses {what}: {os.strerror(number)}")
    return result
