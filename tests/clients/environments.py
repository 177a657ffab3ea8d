"""The virtual environments of the clients, each made once from its pinned requirements."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.clients.client import Client
from tests.support.paths import ROOT

CACHE = ROOT / ".clients"
_OWN = Path(sys.executable)
_UV = _OWN.parent / "uv"


class UnavailableError(Exception):
    """A client can't be run on this machine, for this reason."""


def python(client: Client) -> Path:
    """Return the interpreter of the client's environment, which is made when it is not there.

    Raises `UnavailableError` when this machine has no interpreter of the version that it needs.
    """
    if client.is_ours:
        return _OWN
    directory = CACHE / client.environment
    installed, wanted = directory / "installed.txt", client.requirements.read_bytes()
    if not installed.is_file() or installed.read_bytes() != wanted:
        shutil.rmtree(directory, ignore_errors=True)
        _uv("venv", "--quiet", "--python", interpreter(client.python), str(directory))
        _uv(
            *("pip", "install", "--quiet", "--python", str(directory / "bin" / "python")),
            *(["--no-deps"] if client.only_named else []),
            *("-r", str(client.requirements)),
        )
        installed.write_bytes(wanted)
    return directory / "bin" / "python"


def interpreter(version: str) -> str:
    """Return the path of an interpreter of this machine; raise `UnavailableError` without one."""
    found = _run("python", "find", "--no-python-downloads", version)
    if found.returncode == 0:
        return found.stdout.strip()
    root = Path(
        os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")
    )  # uv knows none but the set one
    for program in sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True):
        return str(program)
    raise UnavailableError(f"needs Python {version}, which is not on this machine")


def pin(client: Client) -> None:
    """Pin the requirements of a client's environment again, from its requirements.in."""
    wanted = client.requirements.with_suffix(".in")
    options = ("--quiet", "--no-annotate", "--no-header", "--no-emit-index-url", "--upgrade")
    if client.only_named:
        options = (*options, "--no-deps")
    place = ("--python", interpreter(client.python), "-o", str(client.requirements))
    _uv("pip", "compile", *options, *place, str(wanted))


def _uv(*arguments: str) -> None:
    done = _run(*arguments)
    if done.returncode != 0:
        raise SystemExit(f"uv {' '.join(arguments)} has failed:\n{done.stderr}")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(_UV), *arguments], capture_output=True, text=True)
