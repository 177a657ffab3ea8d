"""The only door to uv, which makes the isolated environments of other dbt versions."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from uv import find_uv_bin

from deploy_project.config.environment import for_uv
from deploy_project.errors import DbtError, VersionError
from deploy_project.processes import programs
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.locks import locked

_MAKING_SECONDS = 900
_ASKING_SECONDS = 60
# Wheels alone: installing one runs nobody's code, needs no compiler and no other host.
_WHEELS = "--no-build"


def make(root: Path, requirements: Sequence[str]) -> None:
    """Make a virtual environment with `requirements` at `root`, beside it first and then renamed.

    Safe to call from many processes at once: the first makes it, the others wait and find it.
    Raises `VersionError` when no versions of the packages go together, else `DbtError`.
    """
    root.parent.mkdir(parents=True, exist_ok=True)
    making = f".making-{root.name}-"
    try:
        with locked(root.with_name(f"{root.name}.lock"), seconds=_MAKING_SECONDS):
            if python(root).exists():
                return
            for left in (root, *root.parent.glob(f"{making}*")):  # by a killed one, or of no use
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(
                dir=root.parent, prefix=making, ignore_cleanup_errors=True
            ) as scratch:
                _make(Path(scratch) / "venv", requirements).rename(root)
    except Stopped as stopped:
        raise DbtError(
            f"{stopped} for another process, which is making {root}; end that process, or wait "
            "for it and try again"
        ) from None


def _make(place: Path, requirements: Sequence[str]) -> Path:
    # Relocatable, so that its scripts work where it is renamed to.
    _uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(place))
    install = ("pip", "install", "--quiet", _WHEELS, "--python", str(python(place)))
    _uv(*install, *requirements)
    return place


def python(root: Path) -> Path:
    """Return the Python of the virtual environment at `root`."""
    return root / "bin" / "python"


def resolve(requirements: Sequence[str]) -> None:
    """Ask the package index whether `requirements` can be had together; nothing is installed.

    Raises `VersionError` when it says that they can't, `DbtError` when it can't be asked.
    """
    compile_ = ("pip", "compile", "--quiet", "--no-header", _WHEELS, "--python", sys.executable)
    _uv(*compile_, "-", lines=requirements, seconds=_ASKING_SECONDS)


def _uv(*arguments: str, lines: Sequence[str] = (), seconds: float = _MAKING_SECONDS) -> None:
    command = (find_uv_bin(), *arguments)
    given = "\n".join(lines).encode()
    try:
        ended = programs.run(command, env=for_uv(), given=given, seconds=seconds)
    except Stopped as stopped:
        raise DbtError(f"{_shown(arguments)} failed {stopped}") from None
    if ended.code != 0:
        said = ended.messages.decode("utf-8", errors="replace").strip()
        kind = VersionError if _is_an_answer(said) else DbtError
        raise kind(f"{_shown(arguments)} failed: {said}")


def _is_an_answer(said: str) -> bool:
    """Return whether the index has answered that no versions fit; else it could not be asked."""
    return "No solution found" in said and "network was disabled" not in said


def _shown(arguments: Sequence[str]) -> str:
    return f"`uv {' '.join(arguments[: 1 if arguments[0] == 'venv' else 2])}`"
