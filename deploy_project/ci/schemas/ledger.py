"""The ledger of the schemas that CI runs were about to write; clean-up drops these and no others.

ci/schemas/<environment>/<job id>_<number>/<random>.json      under the artifact root

Each entry is a file of its own: runs on several machines add to the ledger without a lock.
"""

import json
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from upath import UPath

from deploy_project.config.files.model import NAME
from deploy_project.dbt.project.schemas import pull_request_schema
from deploy_project.errors import ArtifactError
from deploy_project.runs.store.artifacts import Artifacts

EntryKey = tuple[str, int, int]
"""An environment, a job's id, a pull request's number."""


@dataclass(frozen=True)
class Entry:
    """The schemas that the runs of one job for one pull request were about to write."""

    project: str
    environment: str
    job_id: int
    pull_request: int
    schemas: frozenset[tuple[str, str]]
    """Pairs of database and schema; the database is empty where the adapter has none."""

    @property
    def place(self) -> EntryKey:
        """The key of this entry among those of other pull requests and jobs."""
        return self.environment, self.job_id, self.pull_request


@dataclass(frozen=True)
class Entered:
    """All that is in the ledger for one job and pull request."""

    entry: Entry
    at: datetime
    """The time of the last entry."""
    files: tuple[UPath, ...]
    """The files of the ledger that hold it."""


def is_of(schema: str, job_id: int, pull_request: int) -> bool:
    """Whether `schema` is that of a pull request, or that with `_<custom>` behind it.

    Some warehouses and projects write all names in capitals. Names come from git, and no adapter
    escapes them when it quotes them: a name that could end a quotation belongs to nobody.
    """
    own, name = pull_request_schema(job_id, pull_request), schema.lower()
    is_own = name == own or (name.startswith(f"{own}_") and len(name) > len(own) + 1)
    return is_own and is_quotable(schema)


def is_quotable(name: str) -> bool:
    """Whether `name` is the same name in every kind of quotes."""
    return name.isprintable() and not set(name) & set("\"'`\\;[]")


def enter(artifacts: Artifacts, entry: Entry) -> None:
    """Add `entry` to the ledger; call it before dbt writes, so that a killed run is known, too.

    Schemas that are not the pull request's own by their name are left out: nobody may drop them,
    and a sweep tells of those that look alike.
    Raises `ArtifactError` when the ledger can't be written; then the run must not build.
    """
    place = _directory(artifacts, *entry.place)
    own = sorted(
        (database, name)
        for database, name in entry.schemas
        if is_of(name, entry.job_id, entry.pull_request) and is_quotable(database)
    )
    at = datetime.now(UTC)
    made = place / f"{uuid.uuid4().hex}.json"
    content = {"project": entry.project, "at": at.isoformat(), "schemas": own}
    artifacts.write_json(made, content)
    with artifacts.explained(f"tidying the ledger at {place}"):
        _forget_contained(artifacts, place, made, at, frozenset(own))


def _forget_contained(
    artifacts: Artifacts, place: UPath, made: UPath, at: datetime, schemas: frozenset[Any]
) -> None:
    """Delete older files that say no more than the new one.

    Of two runs that enter the same at once only one is the older, so that one file stays.
    """
    for file in _files(place):
        earlier = _read(artifacts, file)
        if earlier is None or file.name == made.name:
            continue
        _, before, names = earlier
        if (before, file.name) < (at, made.name) and names <= schemas:
            _delete(file)


def entries(artifacts: Artifacts) -> list[Entered]:
    """Return the whole ledger, one `Entered` for each job and pull request.

    Raises `ArtifactError` when it can't be read: no conclusion may be drawn from a part.
    """
    root = _root(artifacts)
    with artifacts.explained(f"reading the ledger of pull requests' schemas at {root}"):
        places = [place for each in _directories(root) for place in _directories(each)]
        found = [_entered(artifacts, place) for place in sorted(places, key=str)]
    return [each for each in found if each is not None]


def remove(artifacts: Artifacts, entered: Entered) -> None:
    """Delete the files of `entered` from the ledger; later entries stay."""
    with artifacts.explained("taking dropped schemas out of the ledger"):
        for file in entered.files:
            _delete(file)


def _entered(artifacts: Artifacts, place: UPath) -> Entered | None:
    number = re.fullmatch(r"([0-9]+)_([0-9]+)", place.name)
    if number is None:
        return None
    read = {file: _read(artifacts, file) for file in _files(place)}
    known = {file: each for file, each in read.items() if each is not None}
    if not known:
        return None
    entry = Entry(
        project=max(known.values(), key=lambda each: each[1])[0],
        environment=place.parent.name,
        job_id=int(number[1]),
        pull_request=int(number[2]),
        schemas=frozenset(pair for _, _, schemas in known.values() for pair in schemas),
    )
    return Entered(entry, max(at for _, at, _ in known.values()), tuple(known))


def _read(
    artifacts: Artifacts, file: UPath
) -> tuple[str, datetime, frozenset[tuple[str, str]]] | None:
    """Return the project, time and schemas in `file`; None when another process has removed it."""
    try:
        with artifacts.explained(f"reading {file}"):
            text = file.read_text(encoding="utf-8")
    except ArtifactError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    try:
        content = json.loads(text)
        at = datetime.fromisoformat(content["at"]).astimezone(UTC)
        schemas = frozenset((str(database), str(name)) for database, name in content["schemas"])
        return str(content["project"]), at, schemas
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{file} does not say which schemas a pull request has: {error!r}; delete it, and drop "
            f"the schemas of {file.parent.name} by hand"
        ) from error


def _root(artifacts: Artifacts) -> UPath:
    return artifacts.root / "ci" / "schemas"


def _directory(artifacts: Artifacts, environment: str, job_id: int, pull_request: int) -> UPath:
    if not re.fullmatch(NAME, environment):
        raise ArtifactError(f"{environment!r} is no environment's name, so no place either")
    return _root(artifacts) / environment / f"{job_id:d}_{pull_request:d}"


def _directories(place: UPath) -> list[UPath]:
    return [each for each in place.iterdir() if each.is_dir()] if place.exists() else []


def _files(place: UPath) -> list[UPath]:
    if not place.exists():
        return []
    return sorted((each for each in place.iterdir() if each.suffix == ".json"), key=str)


def _delete(file: UPath) -> None:
    with suppress(FileNotFoundError):  # another process tidies, too
        file.unlink()
