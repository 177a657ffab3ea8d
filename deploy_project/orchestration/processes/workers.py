"""The processes of runs: each holds a lock for as long as it lives, so that its death is known.

The kernel drops a lock however its holder ends, also with the machine; a process id alone may be
somebody else's by then. Files: `alive` (the lock, and its holder), `log` (its output), and
`interrupted` (once somebody has interrupted it).
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import dagster as dg

from deploy_project.processes.held_files import is_locked

KEPT_FOR = timedelta(days=1)
"""Long enough to look at the output of a killed process."""


def here() -> str:
    """Return the host and PID namespace that process ids belong to: containers have their own."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # no Linux
        return socket.gethostname()


@dataclass(frozen=True)
class Worker:
    """The process of one run; `directory` is its own, and absolute."""

    directory: Path

    @property
    def log(self) -> Path:
        """The output of the process; kept when it did not end well."""
        return self.directory / "log"

    @property
    def _alive(self) -> Path:
        return self.directory / "alive"

    @property
    def _interrupted(self) -> Path:
        return self.directory / "interrupted"

    def start(
        self, command: Sequence[str], variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes] | None:
        """Start the process in a session of its own; None when somebody has done so before."""
        lock = self._claimed()
        if lock is None:
            return None
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    command,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[lock],
                    start_new_session=True,  # it outlives us
                )
            self._sign(lock, process.pid)
        except BaseException:
            self.forget()
            raise
        finally:
            os.close(lock)  # the process has inherited it
        return process

    @contextmanager
    def held(self) -> Generator[None]:
        """Make this process the run's worker, unless its launcher has done so."""
        lock = self._claimed()
        if lock is None:
            yield
            return
        try:
            self._sign(lock, os.getpid())
            yield
        finally:
            self.forget()
            os.close(lock)

    def is_alive(self) -> bool | None:
        """Return whether the process lives; None when nothing is known of it on this machine."""
        return is_locked(self._alive)

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody has interrupted the process."""
        return self._interrupted.exists()

    def interrupt(self) -> bool:
        """Have the living process cancel its run; False when it is not in our reach."""
        if not self.signal(signal.SIGINT):
            return False
        with suppress(FileNotFoundError):  # it has just ended, and its files are gone
            self._interrupted.touch()
        return True

    def signal(self, number: signal.Signals) -> bool:
        """Send the living process a signal; False when it is not there or not in our reach."""
        if not self.is_alive():
            return False
        try:
            holder = json.loads(self._alive.read_text(encoding="utf-8"))
            if holder["where"] != here():
                return False
            os.kill(holder["pid"], number)
        except (FileNotFoundError, ProcessLookupError, ValueError):  # it has just ended, or begun
            return False
        return True

    def forget(self) -> None:
        """Delete its files."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _claimed(self) -> int | None:
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.directory.mkdir()  # two daemons may try to start the same run
        except FileExistsError:
            return None
        lock = os.open(self._alive, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_SH)
        return lock

    def _sign(self, lock: int, pid: int) -> None:
        os.write(lock, json.dumps({"pid": pid, "where": here()}).encode())


def worker_of(instance: dg.DagsterInstance, run_id: str) -> Worker:
    """Return the worker of a run, whether or not there is one."""
    return Worker(Path(instance.storage_directory()).absolute() / "workers" / run_id)


def held(instance: dg.DagsterInstance, run_id: str) -> AbstractContextManager[None]:
    """Return a context that makes this process a run's worker, unless its launcher has."""
    return worker_of(instance, run_id).held()


def reclaim(workers: Path, *, older_than: timedelta = KEPT_FOR) -> None:
    """Delete the files of processes that have ended long ago."""
    before = time.time() - older_than.total_seconds()
    for directory in workers.iterdir() if workers.is_dir() else ():
        with suppress(FileNotFoundError):  # another process reclaims too
            if directory.stat().st_mtime <= before and not Worker(directory).is_alive():
                Worker(directory).forget()
