"""dbt's parse of a commit, kept so that no later command, or commit, is parsed from scratch."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy_project.dbt.artifacts.manifest import Manifest, read_manifest
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.dbt.project.contents import Contents, contents, differing, needs_all
from deploy_project.dbt.project.paths import projects
from deploy_project.errors import DbtError
from deploy_project.releases.workspace import Workspace

_PARTIAL, _MANIFEST, _CONTENTS = "partial_parse.msgpack", "manifest.json", "contents.json"
_KEPT = (_MANIFEST, _PARTIAL, "semantic_manifest.json")


@dataclass(frozen=True)
class Start:
    """The begin of the first parse of a commit: from another commit's, or from scratch."""

    contents: Contents
    commit: str = ""
    """The commit whose parse was lent; empty for none."""
    manifest: Path | None = None
    """The manifest of the parse that was lent."""

    @property
    def failed(self) -> str:
        """A line for the log when the command has failed, and parses from scratch now."""
        return (
            f"dbt could not go on from the parse of commit {self.commit[:12]}: parsing from scratch"
        )

    def drop(self, target_directory: Path) -> None:
        """Take back the parse that was lent."""
        (target_directory / _PARTIAL).unlink(missing_ok=True)


def lend(parsed: Path, target_directory: Path) -> bool:
    """Copy the kept parse into a command's target directory; return whether there was one."""
    kept = parsed / _PARTIAL
    if not kept.is_file():
        return False
    target_directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, target_directory / kept.name)  # a copy: dbt rewrites it in place
    return True


def begin(workspace: Workspace, target_directory: Path) -> Start:
    """Lend the parse of another commit to the first parse of this one; return its begin.

    The parse is one with the same key, of the commit with the fewest other files, and the newest
    of those; none where dbt's partial parser could go wrong, and none of a pull request.
    """
    found = projects(workspace.project_directory, workspace.tree, workspace.rendering)
    now = contents(found, tree=workspace.tree)
    if not workspace.environment.project.partial_parsing:
        return Start(now)
    usable: list[tuple[int, float, Path]] = []
    for parsed, made, before in _others(workspace.parsed):
        if not needs_all(before, now, workspace.project_directory):
            usable.append((len(differing(before, now)), -made, parsed))
    for _, _, parsed in sorted(usable):
        with suppress(FileNotFoundError):  # evicted just now
            if lend(parsed, target_directory):
                return Start(now, parsed.parents[1].name, parsed / _MANIFEST)
    return Start(now)


def _others(parsed: Path) -> Iterator[tuple[Path, float, Contents]]:
    """Yield the kept parses of other commits under the same key, their time, and their contents."""
    checkout = parsed.parents[1]
    for file in checkout.parent.glob(f"*/{parsed.relative_to(checkout)}/{_CONTENTS}"):
        with suppress(OSError, ValueError):
            yield file.parent, file.stat().st_mtime, json.loads(file.read_bytes())


def kept(parsed: Path) -> Manifest | None:
    """Return the manifest of the kept parse; remove a parse that is not whole, and return None."""
    if not parsed.is_dir():
        return None
    try:
        return read_manifest(parsed / _MANIFEST)
    except DbtError:
        shutil.rmtree(parsed, ignore_errors=True)
        return None


def keep(
    target_directory: Path, parsed: Path, scrubber: Scrubber, start: Start | None = None
) -> bool:
    """Keep a command's parse unless one is kept already; return whether one is kept now.

    Other commits can start from it only where its own `start` is given. The definitions show the
    manifest, so it is kept without secrets. dbt can use its own file only as it is: with a secret
    in it, it is not kept, and every command parses from scratch.
    """
    if parsed.is_dir():
        return True
    if not all(_is_plain(target_directory / name) for name in _KEPT[:2]):
        return False
    parsed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parsed.parent, prefix=".making-") as scratch:
        beside = Path(scratch) / "parsed"
        beside.mkdir(mode=0o700)
        for file in (target_directory / name for name in _KEPT):
            if _is_plain(file) and not (file.name == _PARTIAL and scrubber.is_in(file)):
                shutil.copyfile(file, beside / file.name)
        for file in beside.glob("*.json"):
            scrubber.file(file)
        if start is not None and (beside / _PARTIAL).exists():
            (beside / _CONTENTS).write_text(json.dumps(start.contents), encoding="utf-8")
        try:
            beside.rename(parsed)
        except OSError:
            if not parsed.is_dir():  # losing the race is fine, any other failure is not
                raise
    return True


def _is_plain(file: Path) -> bool:
    """Return whether `file` is a file of its own, no link to one that must not be read."""
    return file.is_file() and not os.path.islink(file)
