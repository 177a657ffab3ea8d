"""The deployed pointer of an environment: the commit and parse that the definitions show."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Environment, Project
from deploy_project.errors import DeployError

_POINTER = re.compile(
    r"(?P<commit>[0-9a-f]{40}(?:[0-9a-f]{24})?):(?P<parsed>[A-Za-z0-9_.-]+-[0-9a-f]{16})"
)


@dataclass(frozen=True)
class Pointer:
    """A deployed commit, and the key of its parse."""

    commit: str
    parsed: str

    def __str__(self) -> str:
        return f"{self.commit}:{self.parsed}"

    @classmethod
    def parse(cls, text: str) -> "Pointer | None":
        """Return the pointer in `text`, as `str()` writes it; None for anything else."""
        found = _POINTER.fullmatch(text.strip())
        return cls(found["commit"], found["parsed"]) if found else None


def deployed(state: StateDirectory, environment: str) -> Pointer | None:
    """Return the pointer of `environment`; None when nothing was deployed yet.

    A damaged pointer counts as none: the next deploy replaces it.
    """
    try:
        return Pointer.parse(state.deployed(environment).read_text("utf-8", errors="replace"))
    except FileNotFoundError:
        return None


def shown_manifest(state: StateDirectory, environment: Environment, at: Pointer) -> dict[str, Any]:
    """Return the manifest that the definitions of an environment are made of, as JSON holds it."""
    try:
        return json.loads(manifest_file(state, environment, at).read_bytes())
    except (OSError, ValueError) as error:
        raise DeployError(
            f"the deployed manifest of environment {environment.name!r} can't be read: {error}"
        ) from error


def manifest_file(state: StateDirectory, environment: Environment, at: Pointer) -> Path:
    """Return the file of a deployed commit's manifest."""
    return state.checkout(environment.project.name, at.commit).parsed(at.parsed) / "manifest.json"


def is_whole(state: StateDirectory, project: Project, at: Pointer) -> bool:
    """Return whether the checkout and the parse of a deployed commit are here, and whole.

    They are caches, which may be deleted, and another machine may have deployed.
    """
    checkout = state.checkout(project.name, at.commit)
    try:
        with (checkout.parsed(at.parsed) / "manifest.json").open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"}" and checkout.tree.is_dir()
    except OSError:
        return False


def move(state: StateDirectory, environment: str, pointer: Pointer) -> None:
    """Replace the pointer of `environment`; a reader sees the old one or the new one."""
    file = state.deployed(environment)
    file.parent.mkdir(parents=True, exist_ok=True)
    small_files.write_text(file, f"{pointer}\n")
