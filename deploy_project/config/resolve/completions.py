"""Completion triggers of jobs: dbt Cloud's one condition, or several parents; cycles (TRG-5)."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from deploy_project.config.files.documents import Place
from deploy_project.config.files.jobs_file import Condition, ParentEntry
from deploy_project.config.files.problems import Problems, Unknown
from deploy_project.config.resolve.drafts import Draft
from deploy_project.config.resolve.references import References
from deploy_project.config.values.deployment import AssetParent, Completion, JobParent, Parent

KEY = "job_completion_trigger_condition"
_NAMES = ("job_id", "job", "asset")
_Found = Parent | Unknown | None
"""A parent, a reference to one that is not in the files, or None for a problem noted already."""


def completion(draft: Draft, others: References, problems: Problems) -> Completion | None:
    """Return the completion trigger of a job; None when it has none, or a faulty one.

    A parent that is not in the files turns off a trigger that waits for it: all of it, save where
    any of several parents will do.
    """
    trigger = draft.entry.job_completion_trigger_condition
    if trigger is None:
        return None
    place = draft.place / KEY
    ways = {"condition": trigger.condition, "any": trigger.any_of, "all": trigger.all_of}
    given = [name for name, way in ways.items() if way is not None]
    if len(given) != 1:
        what = "names no parent" if not given else "has more than one way to name parents"
        remedy = "keep one of `condition`, `any` and `all`"
        found = " and ".join(map(repr, given)) or None
        problems.add(place, what, found=found, remedy=remedy)
        return None
    if trigger.condition is not None:
        one = _condition(place / "condition", trigger.condition, others, problems)
        return _completion([one], problems)
    entries = trigger.any_of or trigger.all_of or []
    found = _parents(place / given[0], entries, others, problems)
    return _completion(found, problems, needs_all=given == ["all"])


def _completion(
    found: Sequence[_Found], problems: Problems, *, needs_all: bool = False
) -> Completion | None:
    unknown = [each for each in found if isinstance(each, Unknown)]
    parents = [each for each in found if isinstance(each, JobParent | AssetParent)]
    is_off = not parents or (needs_all and len(parents) < len(found))
    for each in unknown:
        part = "trigger" if is_off else "parent"
        problems.turn_off(part, each.place, each.what, remedy=each.remedy)
    return None if is_off else Completion(tuple(parents), needs_all=needs_all)


def _condition(
    place: Place, condition: Condition, others: References, problems: Problems
) -> _Found:
    _check_statuses(place, condition, problems)
    by_name = "`any: [{job: …}]`"
    found = others.numbered(place / "job_id", condition.job_id, by_name=by_name)
    return _job_parent(found, tuple(condition.statuses))


def _job_parent(found: Draft | Unknown | None, statuses: tuple[int, ...]) -> _Found:
    return JobParent(found.name, statuses) if isinstance(found, Draft) else found


def _parents(
    place: Place, entries: Sequence[ParentEntry], others: References, problems: Problems
) -> list[_Found]:
    if not entries:
        problems.add(place, "names no parent", remedy="list at least one, such as `- job: daily`")
    found = [_parent(place / index, entry, others, problems) for index, entry in enumerate(entries)]
    for index, parent in enumerate(found):
        earlier = [str(other) for other in found[:index]]
        if isinstance(parent, JobParent | AssetParent) and str(parent) in earlier:
            what = f"is the same parent as entry {earlier.index(str(parent)) + 1}"
            remedy = "keep one of them, with the statuses of both"
            problems.add(place / index, what, found=str(parent), remedy=remedy)
    return found


def _parent(place: Place, entry: ParentEntry, others: References, problems: Problems) -> _Found:
    given = [name for name in _NAMES if getattr(entry, name) is not None]
    if len(given) != 1:
        what = "must name one parent by `job_id`, `job` or `asset`"
        found = " and ".join(map(repr, given)) or "none of them"
        problems.add(place, what, found=found, remedy="keep one" if given else "add one")
        return None
    if entry.location is not None and entry.job is None:
        remedy = "name the job as `job`, or leave `location` out"
        problems.add(place / "location", "belongs to `job`", remedy=remedy)
    if entry.asset is not None:
        return _asset(place, entry.asset, entry, problems)
    return _job(place, entry, others, problems)


def _job(place: Place, entry: ParentEntry, others: References, problems: Problems) -> _Found:
    _check_statuses(place, entry, problems)
    statuses = tuple(entry.statuses)
    if entry.job is not None and entry.location is not None:
        return _elsewhere(place, entry.job, entry.location, statuses, problems)
    if entry.job is not None:
        return _job_parent(others.named(place / "job", entry.job), statuses)
    assert entry.job_id is not None
    found = others.numbered(place / "job_id", entry.job_id, by_name="`job`")
    return _job_parent(found, statuses)


def _elsewhere(
    place: Place, job: str, location: str, statuses: tuple[int, ...], problems: Problems
) -> JobParent | None:
    """Return a job of another code location; nobody can tell here whether it exists."""
    if not location.strip():
        remedy = "name it as workspace.yaml or Dagster's page Deployment does"
        problems.add(place / "location", "is no code location", remedy=remedy)
        return None
    if not re.fullmatch(r"[A-Za-z0-9_]+", job):
        remedy = "name it as Dagster does: letters, digits and `_`"
        problems.add(place / "job", "is no name of a Dagster job", remedy=remedy)
        return None
    return JobParent(job, statuses, location)


def _asset(place: Place, text: str, entry: ParentEntry, problems: Problems) -> AssetParent | None:
    if "statuses" in entry.model_fields_set:
        what = "is given beside `asset`, which has no status"
        problems.add(place / "statuses", what, remedy="leave it out")
    key = tuple(text.split("/"))
    if any(not part or part != part.strip() for part in key):
        remedy = "write its parts with `/` between them, such as `raw/orders`"
        problems.add(place / "asset", "is no asset key", remedy=remedy)
        return None
    return AssetParent(key)


def _check_statuses(place: Place, entry: Condition | ParentEntry, problems: Problems) -> None:
    if not entry.statuses:
        remedy = "list 10 (success), 20 (error) or 30 (cancelled), or leave it out for all three"
        problems.add(place / "statuses", "has no status", remedy=remedy)


def cycles(parents: Mapping[str, Collection[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the rings of jobs that start each other, in that order; no two share a job.

    `parents` maps a job to those whose ends start it. Breaking the rings may uncover others.
    """
    left = {job: list(found) for job, found in sorted(parents.items())}
    while ring := _ring(left):
        first = ring.index(min(ring))
        yield (*ring[first:], *ring[:first])
        left = {job: found for job, found in left.items() if job not in ring}


def _ring(parents: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        return tuple(error.args[1][1:])  # the first is also the last
    return ()
