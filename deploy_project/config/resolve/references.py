"""References between jobs, by identifier, name or id, and the deferral of each job."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy_project.config.files.documents import Place
from deploy_project.config.files.problems import Problems, Unknown
from deploy_project.config.resolve.drafts import (
    DELETED,
    Draft,
    JobsSource,
    environment_by_id,
    environment_by_name,
)
from deploy_project.config.resolve.projects import Landscape
from deploy_project.config.values.deployment import (
    Deferral,
    DeferToEnvironment,
    DeferToJob,
    Environment,
)

WITH_IDS = "`dbt-jobs-as-code import-jobs --include-linked-id`"
"""The export that has the id of each job, as `linked_id`, and not only those that jobs refer to."""
_SHOWN = 10


@dataclass(frozen=True)
class References:
    """All jobs by identifier and id; a reference to one that is `broken` is not reported again."""

    landscape: Landscape
    by_identifier: Mapping[str, Draft]
    by_id: Mapping[int, Draft]
    broken: frozenset[str]
    """Identifiers of jobs with mistakes, and all ids as they are written."""

    def deferral(self, draft: Draft, problems: Problems) -> Deferral | None:
        """Return the deferral of a job; an environment wins over a job, as on dbt Cloud.

        A reference to something that is not in the files turns it off; no default takes its place.
        """
        found = self._deferral(draft, problems)
        if isinstance(found, Unknown):
            problems.turn_off("deferral", found.place, found.what, remedy=found.remedy)
            return None
        return found

    def _deferral(self, draft: Draft, problems: Problems) -> Deferral | Unknown | None:
        entry = draft.entry
        if entry.self_deferring and entry.deferring_job_definition_id is not None:
            at = draft.place / "self_deferring"
            problems.add(at, "is given beside `deferring_job_definition_id`", remedy="keep one")
        if entry.deferring_environment is not None or entry.deferring_environment_id is not None:
            return _defer_to_environment(self._environment(draft))
        if entry.self_deferring:
            return DeferToJob(draft.name)
        if entry.deferring_job_definition_id is not None:
            at = draft.place / "deferring_job_definition_id"
            identifier, by_name = entry.deferring_job_definition_id, "`deferring_job`"
            return _defer_to_job(self.numbered(at, identifier, by_name=by_name))
        if entry.deferring_job is not None:
            return _defer_to_job(self.named(draft.place / "deferring_job", entry.deferring_job))
        return self._default(draft)

    def numbered(self, place: Place, identifier: int, *, by_name: str) -> Draft | Unknown | None:
        """Return the job with an id; None for one with problems noted already.

        `by_name` is the key that takes a job's name instead, for the remedy.
        """
        found = self.by_id.get(identifier)
        if found is None and str(identifier) not in self.broken:
            remedy = self._remedy(identifier, by_name)
            return Unknown(place, "is the id of no job", remedy)
        return found

    def _remedy(self, identifier: int, by_name: str) -> str:
        """Return the remedy for an id that no job has; exports leave ids out by default."""
        jobs = self.by_identifier.values()
        stated = sorted({draft.number for draft in jobs if draft.number is not None})
        if stated and all(draft.number is not None for draft in jobs):
            return "add that job to the jobs files, or take this out"
        more = "" if len(stated) <= _SHOWN else f" and {len(stated) - _SHOWN} more"
        known = ", ".join(map(str, stated[:_SHOWN])) or "none"
        return (
            f"export the jobs with their ids ({WITH_IDS}), put `id: {identifier}` at that job, or "
            f"name it by {by_name} (known ids: {known}{more})"
        )

    def named(self, place: Place, name: str) -> Draft | Unknown | None:
        """Return the job with an identifier or a name; None for one with problems noted already."""
        by_name = {draft.name: draft for draft in self.by_identifier.values()}
        found = self.by_identifier.get(name) or by_name.get(name)
        if found is None and name not in self.broken:
            known = ", ".join(map(repr, self.by_identifier))
            return Unknown(place, "is no job", f"name a known one: {known}")
        return found

    def _environment(self, draft: Draft) -> Environment | Unknown | None:
        entry, place = draft.entry, draft.place
        if entry.deferring_environment is not None:
            at, name = place / "deferring_environment", entry.deferring_environment
            return environment_by_name(at, name, self.landscape)
        at, identifier = place / "deferring_environment_id", entry.deferring_environment_id
        return environment_by_id(at, identifier, self.landscape)

    def _default(self, draft: Draft) -> Deferral | None:
        """Return dbt Cloud's default; an export has explicit ids, so that no default applies."""
        if not draft.ours or draft.environment is None:
            return None
        if draft.entry.job_type == "merge":
            return DeferToEnvironment(draft.environment.name)
        production = self.landscape.production(draft.environment.project)
        if draft.entry.job_type == "ci" and production is not None:
            return DeferToEnvironment(production.name)
        return None


def references(
    found: Sequence[Draft],
    ids: Mapping[str, int],
    landscape: Landscape,
    sources: Sequence[JobsSource],
) -> References:
    """Return the jobs by identifier and, with `ids` by name, by id."""
    placed = [draft for draft in found if draft.environment is not None]
    by_id = {ids[draft.name]: draft for draft in placed}
    linked = {d.entry.linked_id: d for d in placed if d.entry.linked_id is not None}
    return References(
        landscape=landscape,
        by_identifier={draft.identifier: draft for draft in placed},
        by_id={**linked, **by_id},
        broken=frozenset({str(key) for source in sources for key in _broken(source)})
        | {draft.identifier for draft in found if draft.environment is None},
    )


def _broken(source: JobsSource) -> Iterator[Any]:
    """Yield the identifiers of jobs with problems, and all ids as written, right or wrong."""
    at, entries = source.root / "jobs", source.file.model.jobs
    yield from source.file.broken_in("jobs")
    for key in at.keys:
        if key not in entries or entries[key].state != DELETED:
            yield from ((at / key / "id").value, (at / key / "linked_id").value)


def _defer_to_job(found: Draft | Unknown | None) -> DeferToJob | Unknown | None:
    return DeferToJob(found.name) if isinstance(found, Draft) else found


def _defer_to_environment(
    found: Environment | Unknown | None,
) -> DeferToEnvironment | Unknown | None:
    return DeferToEnvironment(found.name) if isinstance(found, Environment) else found
