"""dbt's parse of a commit, kept so that no later command parses from scratch."""

import shutil
import tempfile
from pathlib import Path

from deploy_project.dbt.artifacts.manifest import Manifest, read_manifest
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import DbtError

_PARTIAL = "partial_parse.msgpack"
_KEPT = ("manifest.json", _PARTIAL, "semantic_manifest.json")


def lend(parsed: Path, target_directory: Path) -> bool:
    """Copy the kept parse into a command's target directory; return whether there was one."""
    kept = parsed / _PARTIAL
    if not kept.is_file():
        return False
    target_directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, target_directory / kept.name)  # a copy: dbt rewrites it in place
    return True


def kept(parsed: Path) -> Manifest | None:
    """Return the manifest of the kept parse; remove a parse that is not whole, and return None."""
    if not parsed.is_dir():
        return None
    try:
        return read_manifest(parsed / "manifest.json")
    except DbtError:
        shutil.rmtree(parsed, ignore_errors=True)
        return None


def keep(target_directory: Path, parsed: Path, scrubber: Scrubber) -> bool:
    """Keep a command's parse unless one is kept already; return whether one is kept now.

    The definitions show the manifest, so it is kept without secrets. dbt can use its own file only
    as it is: with a secret in it, it is not kept, and every command parses from scratch.
    """
    if parsed.is_dir():
        return True
    if not all((target_directory / name).is_file() for name in _KEPT[:2]):
        return False
    parsed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parsed.parent, prefix=".making-") as scratch:
        beside = Path(scratch) / "parsed"
        beside.mkdir(mode=0o700)
        for file in (target_directory / name for name in _KEPT):
            if file.is_file() and not (file.name == _PARTIAL and scrubber.is_in(file)):
                shutil.copyfile(file, beside / file.name)
        for file in beside.glob("*.json"):
            scrubber.file(file)
        try:
            beside.rename(parsed)
        except OSError:
            if not parsed.is_dir():  # losing the race is fine, any other failure is not
                raise
    return True
