"""The processes that run dbt: each imports it while it waits for the one command to run."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy_project.errors import DbtError

_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True)
class Child:
    """A process that waits for its order, then carries it out and ends."""

    process: subprocess.Popen[str]
    events: int
    """The descriptor to read its events from; the owner of the child closes it."""
    inherited: Mapping[str, str]
    """Its first environment, which stays readable in `/proc`."""
    _writes: int
    """The number of the descriptor that the child itself writes them to."""

    def order(self, wanted: Mapping[str, Any]) -> None:
        """Send the child its order, as `child.py` describes it; the events' descriptor is added."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # the child is already dead; its exit code says so
            order = json.dumps({**wanted, "events": self._writes})
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()  # and left open: its end tells the child that we are gone

    def go_on(self) -> None:
        """Have the child begin the command, after the listing that it has made before."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write("\n")
            self.process.stdin.flush()


def start(python: Path, inherited: Mapping[str, str]) -> Child:
    """Start a process with `python`; raise `DbtError` when that can't be done.

    Of our environment it has only the variables `inherited`. It gets its own with its order:
    secrets among them are in no process list.
    """
    reads, writes = os.pipe()
    try:
        process = subprocess.Popen(
            [str(python), "-I", "-u", str(_CHILD)],
            env=inherited,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writes],
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        os.close(reads)
        raise DbtError(f"dbt could not be started with {python}: {error}") from error
    except BaseException:
        os.close(reads)
        raise
    finally:
        os.close(writes)
    return Child(process, reads, inherited, writes)


_ahead: dict[Path, Child] = {}


def start_ahead(python: Path, inherited: Mapping[str, str]) -> None:
    """Start a process of `python` for a command that is to come, if there is none.

    dbt needs a second or more for its imports; a caller with something else to do meanwhile saves
    it. A process that is never taken ends with ours.
    """
    if python not in _ahead:
        with suppress(DbtError):  # `taken` raises it again
            _ahead[python] = start(python, inherited)


def taken(python: Path, inherited: Mapping[str, str]) -> Child:
    """Return a process of `python` that is the caller's alone: started ahead, or now.

    One that has inherited variables that this one must not have is left. Fewer are no matter: its
    order has all of its variables.
    """
    child = _ahead.get(python)
    if child is None or not child.inherited.items() <= inherited.items():
        return start(python, inherited)
    del _ahead[python]
    if child.process.poll() is None:
        return child
    os.close(child.events)  # somebody has killed it while it waited
    return start(python, inherited)
