"""The artifact root: the files of runs, the state and docs of environments (ART-1, ART-4).

runs/<run id>/run.json                          the facts of the run, once it has ended
runs/<run id>/comment.md                        the comment on the pull request
runs/<run id>/<nn-step>/{step.json, console.log, dbt.log, target/…}
environments/<name>/{state,docs}.json           pointers, replaced in one write
environments/<name>/{state,docs}/<run id>/…     the files that they point at
jobs/<name>/state.json, jobs/<name>/state/<run id>/…
"""

import json
import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from upath import UPath

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ArtifactError, DeployError
from deploy_project.runs.store import transfer

COMMENT = "comment.md"
FACTS = "run.json"
Published = Literal["state", "docs"]
_VERSIONS_KEPT = 3
_KEPT_SECONDS = 3600
"""A younger version may be one that its run is about to point at, or that a run still reads."""


@dataclass(frozen=True)
class Publication:
    """The files that a run publishes as the state or docs of an environment or a job."""

    owner: UPath
    what: Published
    files: Sequence[tuple[UPath, str]]
    """The present place of each file, and its name among the published ones."""


@dataclass(frozen=True)
class Artifacts:
    """The files below one root, on a disk or in an object store."""

    root: UPath

    @classmethod
    def of(cls, deployment: Deployment, state: StateDirectory) -> "Artifacts":
        """Return the artifacts of `deployment`."""
        return cls(transfer.root(deployment.artifacts or str(state.artifacts)))

    def run(self, run_id: str) -> UPath:
        """The directory of one run."""
        return self.root / "runs" / run_id

    def sizes(self, run_id: str) -> dict[str, int]:
        """Return the bytes of each file that a run has left, by its path below the directory."""
        place = self.run(run_id)
        with self.explained(f"listing {place}"):
            return transfer.sizes(place)

    @contextmanager
    def explained(self, what: str) -> Generator[None]:
        """Turn an error of a disk or an object store into an `ArtifactError` with the attempt."""
        try:
            yield
        except DeployError:
            raise
        except OSError as error:
            raise self._unusable(what, str(error)) from error
        except Exception as error:
            if is_local(self.root):
                raise
            # Each driver has errors of its own; they are not even OSErrors.
            raise self._unusable(what, f"{type(error).__name__}: {error}") from error

    def _unusable(self, what: str, why: str) -> ArtifactError:
        remedy = (
            "check the space and permissions of the artifact root"
            if is_local(self.root)
            else f"check that this machine reaches {self.root}, and may read and write there"
        )
        return ArtifactError(f"{what} failed: {why}; {remedy}")

    def publish_step(self, run_id: str, name: str, directory: Path) -> UPath:
        """Move the finished `directory` of a step to its place; the step's own file comes last."""
        destination = self.run(run_id) / name
        with self.explained(f"keeping the artifacts of step {name!r} at {destination}"):
            self._copy(directory, destination, _files(directory))
            shutil.rmtree(directory, ignore_errors=True)
        return destination

    def write_json(self, path: UPath, content: Any) -> None:
        """Write a small JSON file in one go."""
        self.write_text(path, json.dumps(content, indent=2, default=str))

    def write_text(self, path: UPath, text: str) -> None:
        """Write a small file in one go; a reader sees the old one or the new one."""
        with self.explained(f"writing {path}"):
            transfer.make_directory(path.parent)
            if is_local(path):
                small_files.write_text(Path(path.path), text)
            else:
                path.write_text(text, encoding="utf-8")

    def publish(self, run_id: str, publications: Sequence[Publication]) -> None:
        """Copy all files beside older versions, then point at them all.

        Killed or without space in the middle, the older versions stay the published ones.
        """
        places = [each.owner / each.what / run_id for each in publications]
        try:
            for each, place in zip(publications, places, strict=True):
                self._place(each, place)
        except ArtifactError:
            for place in places:
                if is_local(place):
                    shutil.rmtree(place.path, ignore_errors=True)
            raise
        for each in publications:
            self.write_json(each.owner / f"{each.what}.json", {"run_id": run_id})
            self._forget_old_versions(each.owner / each.what)

    def _place(self, publication: Publication, place: UPath) -> None:
        with self.explained(f"publishing {publication.what} at {place}"):
            transfer.make_directory(place)
            for source, name in publication.files:
                transfer.duplicate(source, place / name)

    def published(self, owner: UPath, what: Published) -> UPath | None:
        """Return the directory of the published state or docs of `owner`; None when none is yet."""
        pointer = owner / f"{what}.json"
        with self.explained(f"reading {pointer}"):
            if not pointer.exists():
                return None
            content = pointer.read_bytes()
        try:
            place = owner / what / str(json.loads(content)["run_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{pointer} does not say which run has published the {what} here: {error}; "
                "delete it, or run the job that publishes it again"
            ) from error
        return place

    def environment(self, name: str) -> UPath:
        """The directory that one environment publishes to."""
        return self.root / "environments" / name

    def job(self, name: str) -> UPath:
        """The directory that one job publishes the state of its own runs to (CI-6)."""
        return self.root / "jobs" / name

    def fetch(self, source: UPath, directory: Path) -> Path:
        """Return a local copy of `source`; itself when it is local already."""
        if is_local(source):
            if not Path(source.path).is_dir():
                raise ArtifactError(
                    f"{source} was published and is gone; run the job that publishes it again"
                )
            return Path(source.path)
        with self.explained(f"fetching {source}"):
            directory.mkdir(parents=True, exist_ok=True)
            for each in source.iterdir():
                transfer.receive(each, directory / each.name)
        return directory

    def _copy(self, directory: Path, destination: UPath, files: Sequence[Path]) -> None:
        places = [destination / file.relative_to(directory).as_posix() for file in files]
        if not is_local(destination):
            whole = list(zip(files, places, strict=True))
            transfer.send(whole[:-1])
            transfer.send(whole[-1:])
            return
        for file, place in zip(files, places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(file, place.path)

    def _forget_old_versions(self, versions: UPath) -> None:
        if not is_local(versions):
            return  # object stores have lifecycle rules for this
        newest_first = sorted(_versions(Path(versions.path)), reverse=True)
        for made_at, old in newest_first[_VERSIONS_KEPT:]:
            if time.time() - made_at > _KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)


def is_local(path: UPath) -> bool:
    """Return whether `path` is on this machine, and not in an object store."""
    return path.protocol in ("", "file")


def _versions(directory: Path) -> Iterator[tuple[float, Path]]:
    """Yield the time and the path of each version in `directory`."""
    for each in directory.iterdir():
        with suppress(FileNotFoundError):  # another run forgets old ones, too
            yield each.stat().st_mtime, each


def _files(directory: Path) -> list[Path]:
    """Return the files worth keeping, `step.json` last: its presence means the rest is whole."""
    found = [
        file
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not file.is_symlink() and file.name != "partial_parse.msgpack"
    ]
    return sorted(found, key=lambda file: file.name == "step.json")
