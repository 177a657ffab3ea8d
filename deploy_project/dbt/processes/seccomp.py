"""The system calls that a process may not make: a filter of the kernel's, seccomp.

It closes what Landlock leaves open between processes of one user: UNIX sockets, shared memory,
keys, limits, priorities, and the mode, owner, times, changes and leases of files. `child.py` loads
this file by its path into the Python of any dbt, so it imports nothing of this package.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

_SET_SECCOMP, _FILTER = 22, 2
_LOAD, _EQUALS, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_ALLOW, _ANSWER = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_SOCK_TYPE, _SOCK_DGRAM = 0xF, 2
_NAMESPACES = 0x7E020000
_SET_LEASE, _NOTIFY, _SET_DELEGATION = 1024, 1026, 1040
"""The commands of `fcntl` that have others wait who open a file, and that tell of what they do."""
_X32 = 0x40000000

Numbers = Mapping[str, int]


def _numbers(text: str) -> Numbers:
    return {name: int(number) for name, number in map(str.split, text.split(", "))}


_SAME = _numbers(
    "clone3 435, io_uring_setup 425, io_uring_enter 426, io_uring_register 427, "
    "setxattrat 463, removexattrat 466, fchmodat2 452, file_setattr 469, pidfd_getfd 438"
)
_X86_64 = _numbers(
    "socket 41, socketpair 53, clone 56, prlimit64 302, setpriority 141, ioprio_set 251, "
    "unshare 272, setns 308, ptrace 101, kcmp 312, process_vm_readv 310, "
    "process_vm_writev 311, open_by_handle_at 304, add_key 248, request_key 249, keyctl 250, "
    "bpf 321, userfaultfd 323, perf_event_open 298, mq_open 240, mq_unlink 241, shmget 29, "
    "shmat 30, shmctl 31, semget 64, semop 65, semctl 66, semtimedop 220, msgget 68, "
    "msgsnd 69, msgrcv 70, msgctl 71, chmod 90, fchmod 91, fchmodat 268, chown 92, fchown 93, "
    "lchown 94, fchownat 260, setxattr 188, lsetxattr 189, fsetxattr 190, removexattr 197, "
    "lremovexattr 198, fremovexattr 199, utime 132, utimes 235, futimesat 261, utimensat 280, "
    "sched_setparam 142, sched_setscheduler 144, sched_setaffinity 203, sched_setattr 314, "
    "inotify_add_watch 254, fanotify_init 300, fcntl 72"
)
_AARCH64 = _numbers(
    "socket 198, socketpair 199, clone 220, prlimit64 261, setpriority 140, ioprio_set 30, "
    "unshare 97, setns 268, ptrace 117, kcmp 272, process_vm_readv 270, process_vm_writev 271, "
    "open_by_handle_at 265, add_key 217, request_key 218, keyctl 219, bpf 280, "
    "userfaultfd 282, perf_event_open 241, mq_open 180, mq_unlink 181, shmget 194, shmat 196, "
    "shmctl 195, semget 190, semop 193, semctl 191, semtimedop 192, msgget 186, msgsnd 189, "
    "msgrcv 188, msgctl 187, fchmod 52, fchmodat 53, fchown 55, fchownat 54, setxattr 5, "
    "lsetxattr 6, fsetxattr 7, removexattr 14, lremovexattr 15, fremovexattr 16, utimensat 88, "
    "sched_setparam 118, sched_setscheduler 119, sched_setaffinity 122, sched_setattr 274, "
    "inotify_add_watch 27, fanotify_init 262, fcntl 25"
)
_MACHINES: Mapping[str, tuple[int, Numbers]] = {
    "x86_64": (0xC000003E, {**_SAME, **_X86_64}),
    "aarch64": (0xC00000B7, {**_SAME, **_AARCH64}),
}
"""The number of each architecture in the kernel, and those of its system calls."""
_OWN_ONLY = {
    "prlimit64": 0,
    "setpriority": 1,
    "ioprio_set": 1,
    "sched_setparam": 0,
    "sched_setscheduler": 0,
    "sched_setaffinity": 0,
    "sched_setattr": 0,
}
"""The calls about a process, and the argument that is 0 for the caller itself."""
_OF_A_USER = {"setpriority": 2, "ioprio_set": 3}
"""Those that are about all processes of a user with this as their first argument."""
_AS_IF_DONE = frozenset(
    {"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"}
    | {"setxattr", "lsetxattr", "fsetxattr", "setxattrat", "file_setattr"}
    | {"removexattr", "lremovexattr", "fremovexattr", "removexattrat"}
)
"""The calls that change what Landlock does not hold; programs that copy files make them."""
_REST = frozenset({"socket", "socketpair", "clone", "clone3", "utimensat", "fcntl"})


def is_possible() -> bool:
    """Return whether this machine's system calls are known here."""
    return sys.platform == "linux" and platform.machine() in _MACHINES


def hold(*, unix_sockets: bool) -> None:
    """Filter the system calls of this process, and of all that it will start; raise `OSError`.

    It must have given up new privileges. Without `unix_sockets` it makes none but pairs.
    """
    architecture, numbers = _MACHINES[platform.machine()]
    program = _program(architecture, numbers, unix_sockets=unix_sockets)
    code = (_Instruction * len(program))(*program)
    given = _Program(len(program), code)
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(given), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refuses a filter: {os.strerror(number)}")


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("code", ctypes.POINTER(_Instruction)))


Instruction = tuple[int, int, int, int]


def _program(architecture: int, numbers: Numbers, *, unix_sockets: bool) -> list[Instruction]:
    """Return the filter: each call that is not allowed is answered with an error, or as done."""
    families = [_AF_INET, _AF_INET6, _AF_NETLINK, *([_AF_UNIX] if unix_sockets else [])]
    made = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        *_unless(_EQUALS, architecture, _answer(errno.EPERM)),
        (_LOAD, 0, 0, _NUMBER),
        *_when(_AT_LEAST, _X32, _answer(errno.EPERM)),
        *_when(_EQUALS, numbers["clone3"], _answer(errno.ENOSYS)),  # `clone` can be looked into
    ]
    for name in sorted(numbers.keys() - _OWN_ONLY.keys() - _REST):
        answer = 0 if name in _AS_IF_DONE else errno.EPERM
        made += _when(_EQUALS, numbers[name], _answer(answer))
    for name, index in _OWN_ONLY.items():
        test = [_argument(index), *_unless(_EQUALS, 0, _answer(errno.EPERM))]
        if name in _OF_A_USER:
            test += [_argument(0), *_when(_EQUALS, _OF_A_USER[name], _answer(errno.EPERM))]
        made += _for(numbers[name], test)
    known = [each for family in families for each in _when(_EQUALS, family, _allow())]
    made += _for(numbers["socket"], [_argument(0), *known, _answer(errno.EACCES)])
    kind = [_argument(1), (_AND, 0, 0, _SOCK_TYPE)]
    # One of a pair of datagram sockets can be sent to any other address.
    made += _for(
        numbers["socketpair"], [*kind, *_when(_EQUALS, _SOCK_DGRAM, _answer(errno.EACCES))]
    )
    made += _for(numbers["utimensat"], _times())
    commands = (_SET_LEASE, _NOTIFY, _SET_DELEGATION)
    refused = [each for one in commands for each in _when(_EQUALS, one, _answer(errno.EPERM))]
    made += _for(numbers["fcntl"], [_argument(1), *refused])
    new = [_argument(0), (_AND, 0, 0, _NAMESPACES), *_unless(_EQUALS, 0, _answer(errno.EPERM))]
    return [*made, *_for(numbers["clone"], new), _allow()]


def _times() -> list[Instruction]:
    """Return the test of a change of times: real for an open file, refused as a sign of life.

    A program that makes a file by touching it goes on to open it; one that copies takes the other's
    times, and must not fail.
    """
    low, high = _argument(1), (_LOAD, 0, 0, _ARGUMENTS + 8 + 4)
    is_open = [low, (_EQUALS, 0, 3, 0), high, (_EQUALS, 0, 1, 0), _allow()]
    is_now = [_argument(2), *_when(_EQUALS, 0, _answer(errno.EPERM))]
    return [*is_open, *is_now, _answer(0)]


def _for(number: int, test: list[Instruction]) -> list[Instruction]:
    """Return a test of one call's arguments, which allows the call at its end."""
    body = [*test, _allow()]
    return [(_EQUALS, 0, len(body), number), *body]


def _when(test: int, value: int, answer: Instruction) -> list[Instruction]:
    return [(test, 0, 1, value), answer]


def _unless(test: int, value: int, answer: Instruction) -> list[Instruction]:
    return [(test, 1, 0, value), answer]


def _argument(index: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index)


def _answer(number: int) -> Instruction:
    return (_RETURN, 0, 0, _ANSWER | number)


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)
