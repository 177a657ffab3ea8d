"""The sandbox of a stranger's processes: the files and the network that each may reach.

A pull request is somebody's program (DESIGN 15). `child.py` applies the sandbox to itself, before
it reads anything of the project; `docs/security.md` tells of each boundary.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deploy_project.dbt.processes import landlock, seccomp

_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store")
"""The system's programs, libraries and shared data; `child.py` adds those of its Python."""
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives"),
    *("hosts", "host.conf", "resolv.conf", "nsswitch.conf", "gai.conf", "services", "protocols"),
    *("ssl", "pki", "ca-certificates", "ca-certificates.conf", "crypto-policies"),
    *("localtime", "timezone", "passwd", "group", "mime.types", "os-release", "krb5.conf"),
    *("odbc.ini", "odbcinst.ini", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk"),
)
_PROC = (
    *("cpuinfo", "meminfo", "stat", "filesystems", "version", "uptime", "loadavg"),
    *("sys/kernel", "sys/vm/overcommit_memory", "sys/vm/max_map_count", "sys/net/core/somaxconn"),
)
"""Of other processes there is nothing: their environment is where the secrets are."""
_SYS = ("fs/cgroup", "devices/system", "kernel/mm/transparent_hugepage", "devices/virtual/dmi")
_DEVICES = ("zero", "random", "urandom")
_WRITTEN = ("/dev/null", "/dev/full", "/dev/shm")  # noqa: S108 - where the C library has semaphores


@dataclass(frozen=True)
class Sandbox:
    """The files and the network that a stranger's process may reach."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    """Files and directories; what is left there is a stranger's, too."""
    unix_sockets: bool = False
    ports: tuple[int, ...] | None = None
    """The TCP ports that it may connect to; None is any."""
    memory: int | None = None
    """The limit of each process's data, in bytes."""

    def reaching(self, *, reads: Sequence[Path] = (), writes: Sequence[Path] = ()) -> "Sandbox":
        """Return a sandbox that reaches these, too."""
        return replace(self, reads=(*self.reads, *reads), writes=(*self.writes, *writes))

    def order(self) -> Mapping[str, Any]:
        """Return it in JSON's types, as `child.py` takes it: the system's own files with it."""
        return {
            "reads": [*_system(), *map(os.fspath, self.reads)],
            "writes": [*_WRITTEN, *map(os.fspath, self.writes)],
            "unix_sockets": self.unix_sockets,
            "ports": None if self.ports is None else list(self.ports),
            "memory": self.memory,
        }


def is_possible() -> bool:
    """Return whether anything of it can be held here."""
    return sys.platform == "linux"


def not_held() -> list[str]:
    """Return the names of all that this kernel can't hold a process to; empty when it can."""
    found = landlock.missing(landlock.version())
    return found if seccomp.is_possible() else [*found, "system calls"]


def _system() -> list[str]:
    named = (("/etc", _ETC), ("/proc", _PROC), ("/sys", _SYS), ("/dev", _DEVICES))
    return [*_PROGRAMS, *(f"{place}/{name}" for place, names in named for name in names)]
