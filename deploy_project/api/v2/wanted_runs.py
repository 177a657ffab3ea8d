"""The filters and orders of a list of runs, as the read of runs takes them; pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from deploy_project.api.http.listing import active, number, truth
from deploy_project.api.http.problems import invalid
from deploy_project.api.http.query import ListQuery, entries, numbers
from deploy_project.config.values.deployment import Deployment
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.wanted import ANY_TIME, Between, Wanted

FILTERS = (
    *("account_id", "job_definition_id", "project_id", "project_id__in", "environment_id"),
    *("status", "status__in", "created_at__range", "finished_at__range", "id__gt", "pk", "pk__in"),
    *("dbt_version", "dbt_version__in", "deferring_run_id", "has_docs_generated"),
    *("has_sources_generated", "state"),
)
ORDERS = ("id", "created_at", "finished_at")
"""The numbers of runs are in no order of their own: `id` is the order of creation."""
_STATUSES: Mapping[int, Collection[Status]] = {
    1: (Status.QUEUED,),
    2: (Status.STARTING,),
    3: (Status.RUNNING, Status.CANCELLING),
    10: (Status.SUCCESS,),
    20: (Status.ERROR,),
    30: (Status.CANCELLED,),
}
_NOTHING = Wanted(numbers=frozenset())
_EXAMPLE = '["2026-01-01T00:00:00Z","2026-02-01T00:00:00Z"]'
_INSTANT = timedelta(microseconds=1)
Value = TypeVar("Value")


@dataclass
class _Found:
    """The wishes read so far; several on one thing are narrowed to their common part."""

    sets: dict[str, frozenset[Any]] = field(default_factory=dict[str, frozenset[Any]])
    created: Between = ANY_TIME
    finished: Between = ANY_TIME

    def narrow(self, name: str, values: Collection[Any]) -> None:
        wanted = frozenset(values)
        self.sets[name] = self.sets[name] & wanted if name in self.sets else wanted


def wanted(
    query: ListQuery, deployment: Deployment, find: Callable[[int], PastRun | None]
) -> Wanted:
    """Return the runs that the filters of `query` ask for; `find` returns a run by its number.

    Raises `ApiError` 400 naming the filter whose value is none of its kind.
    """
    given = {name: text for name, text in query.filters.items() if text != ""}
    if "state" in given and not active("state", given["state"]):
        return _NOTHING  # no run is ever deleted here but with its history
    deferred = _deferred(given, find)
    if deferred == "":
        return _NOTHING
    found = _Found()
    for name, text in given.items():
        _read(found, name, text, deployment)
    if "id__gt" in given:
        found.created = _after(found.created, given["id__gt"], find)
    return Wanted(
        job_ids=found.sets.get("job_ids"),
        projects=found.sets.get("projects"),
        environments=found.sets.get("environments"),
        statuses=found.sets.get("statuses"),
        numbers=found.sets.get("numbers"),
        dbt_versions=found.sets.get("dbt_versions"),
        deferred_to=deferred,
        has_docs=_truth(given, "has_docs_generated"),
        has_sources=_truth(given, "has_sources_generated"),
        created=found.created,
        finished=found.finished,
    )


def _read(found: _Found, name: str, text: str, deployment: Deployment) -> None:
    base = name.removesuffix("__in")
    if base == "job_definition_id":
        found.narrow("job_ids", numbers(name, text))
    elif base == "project_id":
        projects = {each.id: each.name for each in deployment.projects.values()}
        found.narrow("projects", _named(projects, numbers(name, text)))
    elif base == "environment_id":
        environments = {each.id: each.name for each in deployment.environments.values()}
        found.narrow("environments", _named(environments, numbers(name, text)))
    elif base == "status":
        found.narrow("statuses", _statuses(name, text))
    elif base == "pk":
        found.narrow("numbers", numbers(name, text))
    elif base == "dbt_version":
        found.narrow("dbt_versions", {text, *entries(text)})
    elif name == "created_at__range":
        found.created = _range(name, text)
    elif name == "finished_at__range":
        found.finished = _range(name, text)


def _named(names: Mapping[int, str], chosen: Collection[int]) -> set[str]:
    return {names[each] for each in chosen if each in names}


def _statuses(name: str, text: str) -> set[Status]:
    chosen = numbers(name, text)
    unknown = [each for each in chosen if each not in _STATUSES]
    if unknown:
        known = ", ".join(map(str, _STATUSES))
        raise invalid({name: f"{unknown[0]} is no status of a run; there are {known}"})
    return {status for each in chosen for status in _STATUSES[each]}


def _range(name: str, text: str) -> Between:
    found = [_moment(name, each) for each in entries(text)]
    if len(found) != 2:
        raise invalid({name: f"must be two times, such as {_EXAMPLE}, found {text[:80]!r}"})
    return Between(*found)


def _moment(name: str, text: str) -> datetime:
    """Return a time; one without a zone is of UTC, and a `+` of a query may have become a space."""
    date, space, rest = text.partition(" ")
    written = f"{date}+{rest}" if space and "T" in date else text
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        raise invalid({name: f"{text[:50]!r} is no time; write 2026-01-01T00:00:00Z"}) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _truth(given: Mapping[str, str], name: str) -> bool | None:
    return truth(name, given[name]) if name in given else None


def _deferred(given: Mapping[str, str], find: Callable[[int], PastRun | None]) -> str | None:
    """Return the id of the run to have deferred to; None for any or none, empty for no such run."""
    if "deferring_run_id" not in given:
        return None
    run = find(number("deferring_run_id", given["deferring_run_id"]))
    return run.id if run is not None else ""


def _after(created: Between, text: str, find: Callable[[int], PastRun | None]) -> Between:
    """Return the part of a range after the creation of the run that `id__gt` names."""
    chosen = number("id__gt", text)
    if chosen <= 0:
        return created
    run = find(chosen)
    if run is None:
        raise invalid({"id__gt": f"there is no run {chosen}; give the number of one there is"})
    first = run.created_at + _INSTANT
    return Between(max(filter(None, (created.first, first))), created.last)
