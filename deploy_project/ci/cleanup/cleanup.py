"""The clean-up of one environment: a sweep is planned from the ledger, then carried out (CI-4)."""

import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from deploy_project.ci.cleanup import plan
from deploy_project.ci.cleanup.plan import Decision, Drop
from deploy_project.ci.cleanup.warehouse import WarehouseSchemas, opened, told
from deploy_project.ci.pulls.finders import Finders
from deploy_project.ci.schemas import ledger
from deploy_project.ci.schemas.ledger import Entered, EntryKey
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Environment, Job, Project
from deploy_project.dbt.relations.schema_drops import Schema
from deploy_project.errors import RemoteError
from deploy_project.runs.store.artifacts import Artifacts

_FORGOTTEN_AFTER = timedelta(days=1)
"""A run that has just begun copies before it enters its schemas."""


@dataclass(frozen=True)
class Sweep:
    """The decisions on the schemas in one environment, and the ledger they are based on."""

    decisions: tuple[Decision, ...]
    entered: tuple[Entered, ...]
    """The whole ledger, that of other environments too."""
    in_progress: Collection[EntryKey]
    outage: str = ""
    """The error of asking for the open pull requests; empty when there was none."""

    @property
    def drops(self) -> list[Drop]:
        """The decisions to drop."""
        return [each for each in self.decisions if isinstance(each, Drop)]


@dataclass
class Swept:
    """The result of a sweep: the schemas dropped, stray ones, and problems."""

    dropped: list[Schema] = field(default_factory=list[Schema])
    strays: list[Schema] = field(default_factory=list[Schema])
    """Schemas that look like a pull request's, and that no run of ours has entered."""
    problems: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Cleanup:
    """The clean-up of one environment."""

    deployment: Deployment
    environment: Environment
    state: StateDirectory
    say: Callable[[str], None]

    @property
    def _artifacts(self) -> Artifacts:
        return Artifacts.of(self.deployment, self.state)

    def plan(
        self, finders: Finders, in_progress: Mapping[EntryKey, str], *, now: datetime
    ) -> Sweep:
        """Return the sweep to carry out; nothing is changed, and no warehouse is asked.

        Raises `ArtifactError` when the ledger can't be read.
        """
        entered, environment = ledger.entries(self._artifacts), self.environment
        own = [each for each in entered if each.entry.environment == environment.name]
        open_numbers, outage = _open(environment.project, finders) if own else (None, "")
        days = environment.pull_request_days
        decisions = plan.decide(
            own,
            open_numbers,
            in_progress=in_progress,
            now=now,
            time_to_live=timedelta(days=days) if days else None,
        )
        return Sweep(tuple(decisions), tuple(entered), in_progress.keys(), outage)

    def carry_out(self, wanted: Sweep, *, dry: bool) -> Swept:
        """Drop the due schemas, take them out of the ledger, and look for strays.

        When `dry`, only look. Schemas that can't be dropped stay in the ledger, so that the next
        sweep tries again. Raises `DeployError` when the warehouse can't be made ready.
        """
        swept = Swept()
        for job_id in sorted({each.entered.entry.job_id for each in wanted.decisions}):
            of_job = [each for each in wanted.decisions if each.entered.entry.job_id == job_id]
            drops = [each for each in of_job if isinstance(each, Drop) and not dry]
            job = _job(self.deployment, job_id)
            with opened(self.deployment, self.environment, job, self.state) as warehouse:
                if warehouse.workspace.connection.database is not None:
                    self._delete_copies(drops, swept)
                else:
                    found = [each.entered for each in of_job]
                    self._drop_schemas(warehouse, drops, plan.databases(found), swept)
        if not dry:
            self._delete_forgotten(wanted)
        swept.strays = sorted(set(plan.strays(swept.strays, wanted.entered)))
        return swept

    def _delete_copies(self, drops: Sequence[Drop], swept: Swept) -> None:
        """Delete the copies of the DuckDB file that the pull requests have built in."""
        for each in drops:
            self._delete(self.state.pull_request(*each.entered.entry.place))
            ledger.remove(self._artifacts, each.entered)
            swept.dropped += sorted(each.entered.entry.schemas)

    def _delete_forgotten(self, wanted: Sweep) -> None:
        """Delete copies that neither the ledger nor a run knows: another machine has swept them."""
        known = {*wanted.in_progress, *(each.entry.place for each in wanted.entered)}
        kept = {self.state.pull_request(*place) for place in known}
        parent = self.state.pull_requests(self.environment.name)
        before = time.time() - _FORGOTTEN_AFTER.total_seconds()
        for each in parent.iterdir() if parent.is_dir() else ():
            with suppress(FileNotFoundError):  # another sweep has just deleted it
                if each not in kept and each.stat().st_mtime < before:
                    self._delete(each)

    def _delete(self, copies: Path) -> None:
        if copies.is_dir():
            with suppress(FileNotFoundError):  # another sweep deletes it, too
                shutil.rmtree(copies)
            self.say(f"Deleted {copies}")

    def _drop_schemas(
        self, warehouse: WarehouseSchemas, drops: Sequence[Drop], databases: list[str], swept: Swept
    ) -> None:
        others = [each.target_schema for each in self.deployment.environments.values()]
        protected = [name for name in (*others, warehouse.workspace.profile.schema) if name]
        schemas = [plan.droppable(each, protected) for each in drops]
        outcome = warehouse.drop(sorted({s for each in schemas for s in each}), databases, self.say)
        for schema in sorted(outcome.dropped):
            self.say(f"Dropped schema {told(schema)}")
        for each, wanted in zip(drops, schemas, strict=True):
            if outcome.dropped.issuperset(wanted):
                ledger.remove(self._artifacts, each.entered)
        swept.dropped += sorted(outcome.dropped)
        swept.strays += outcome.found
        swept.problems += outcome.problems


def _open(project: Project, finders: Finders) -> tuple[frozenset[int] | None, str]:
    """Return the numbers of the open pull requests, or None and the error of asking for them."""
    try:
        listing = finders(project).listed(project, "")
    except RemoteError as error:
        return None, str(error)
    assert listing is not None  # an empty cursor asks anew
    return frozenset(each.number for each in listing.pull_requests), ""


def _job(deployment: Deployment, job_id: int) -> Job | None:
    return next((job for job in deployment.jobs.values() if job.id == job_id), None)
