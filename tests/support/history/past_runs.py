"""Histories of runs that nobody has run: Dagster's records, and the facts of some of them."""

import atexit
import random
import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.runs.schema import RunsTable
from upath import UPath

from deploy_project.orchestration.internals.run_storage import index_beside, matching_runs
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run_facts import (
    CodeFacts,
    CountedTests,
    Deferral,
    Docs,
    NodeFacts,
    RunFacts,
)
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.catching_up import catch_up
from deploy_project.runs.reads.index import Index
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store.artifacts import Artifacts
from tests.support.deployments.dagster_jobs import ORIGIN

BEGAN = datetime(2026, 3, 2, 6, tzinfo=UTC)
JOBS = ("prod__daily", "prod__hourly", "staging__checks")
COMMITS = tuple(each * 40 for each in "abc")
_STATUSES = (
    *(dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE),
    *(dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED),
)
_ENDS = ("SUCCESS", "FAILURE", "CANCELED")


@cache
def _empty() -> Path:
    """An empty history: Dagster takes a second to make one."""
    directory = Path(tempfile.mkdtemp(prefix="empty-history-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    with _opened(directory):
        return directory / "history"


def on_sqlite(directory: Path) -> dg.DagsterInstance:
    """Dagster's instance on SQLite in `directory`, on the storage that is shipped."""
    shutil.copytree(_empty(), directory / "history")
    return _opened(directory)


def _opened(directory: Path) -> dg.DagsterInstance:
    history = directory / "history"
    (directory / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "storage: {custom: {module: deploy_project.instance, class: SqliteStorage, "
        f"config: {{base_dir: {history}}}}}}}\n",
        encoding="utf-8",
    )
    return dg.DagsterInstance.from_config(str(directory))


@dataclass
class History:
    """The history of one instance, and what reads it."""

    instance: dg.DagsterInstance
    directory: Path
    added: list[str] = field(default_factory=list[str])

    @property
    def artifacts(self) -> Artifacts:
        return Artifacts(UPath(self.directory / "artifacts"))

    @property
    def index(self) -> Index:
        found = index_beside(self.instance)
        assert found is not None
        return found

    def indexed(self) -> Runs:
        """The reads as the command line has them."""
        return Runs(
            self.instance,
            "here",
            self.artifacts,
            self.index,
            lambda text: matching_runs(self.instance, text),
        )

    def plain(self) -> Runs:
        """The reads without an index."""
        return Runs(self.instance, "here", self.artifacts)

    def catch_up(self, seconds: float | None = None) -> int:
        return catch_up(self.instance, self.index, self.artifacts, seconds=seconds)

    def add(
        self,
        job: str = "prod__daily",
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.SUCCESS,
        *,
        created: datetime = BEGAN,
        run_id: str | None = None,
        is_ours: bool = True,
        run_config: Mapping[str, Any] | None = None,
        **own: str,
    ) -> str:
        """Add a run with the tags `own`, by the last parts of their names; return its id."""
        environment = job.partition("__")[0]
        ours = {tags.JOB: job, tags.ENVIRONMENT: environment, tags.PROJECT: "shop"}
        if job in JOBS:
            ours[tags.JOB_ID] = str(JOBS.index(job) + 1)
        names = {name.lower(): getattr(tags, name) for name in vars(tags) if name.isupper()}
        names["slots_2"] = tags.SLOTS.format(2)
        run = dg.DagsterRun(
            job,
            run_id=run_id or str(uuid.UUID(int=random.getrandbits(128), version=4)),
            status=status,
            remote_job_origin=ORIGIN,
            run_config=dict(run_config or {}),
            tags={
                **(ours if is_ours else {}),
                **{names[name]: value for name, value in own.items()},
            },
        )
        self.instance.run_storage.add_historical_run(run, created)
        self.added.append(run.run_id)
        return run.run_id

    def fill(self, count: int, seed: int = 7) -> None:
        """Add so many runs of all kinds, most of those that have ended with facts."""
        chance = random.Random(seed)
        for number in range(count):
            status = chance.choice(_STATUSES)
            commit, pull = chance.choice(COMMITS), chance.choice(["", "", "7", "8"])
            more: dict[str, Any] = {"pull_request": pull} if pull else {}
            run_id = self.add(
                chance.choice(JOBS),
                status,
                created=BEGAN + timedelta(minutes=chance.randrange(count // 2)),
                run_id=str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                is_ours=chance.random() < 0.9,
                trigger=chance.choice(["scheduled", "merge", "api"]),
                cause=f"Cause {number}",
                commit=commit[:7],
                full_commit=commit,
                branch=chance.choice(["main", "next"]),
                **more,
            )
            if Status.of(status).has_ended and chance.random() < 0.8:
                self.keep(self._facts(run_id, Status.of(status), chance))

    def spread(self) -> None:
        """Have each run that has ended begin and end at times of its own, and not just now."""
        storage: Any = self.instance.run_storage
        with storage.connect() as connection:
            for place, run_id in enumerate(self.added):
                begun = BEGAN.timestamp() + 60 * (place * 7919 % len(self.added))
                values = {"start_time": begun, "end_time": begun + 5 + place}
                chosen = RunsTable.c.run_id == run_id, RunsTable.c.status.in_(_ENDS)
                connection.execute(RunsTable.update().where(*chosen).values(**values))

    def _facts(self, run_id: str, status: Status, chance: random.Random) -> RunFacts:
        docs: tuple[Docs, ...] = ("", "published", "made", "failed")
        return facts_of(
            run_id,
            status,
            docs=chance.choice(docs),
            dbt_version=chance.choice(["1.10.4", "1.11.2"]),
            warnings=chance.randrange(3),
            deferred_to=chance.choice(["", self.added[0]]),
        )

    def keep(self, facts: RunFacts) -> None:
        run_facts.keep(self.artifacts, facts)


def facts_of(
    run_id: str,
    status: Status = Status.SUCCESS,
    *,
    docs: Docs = "",
    dbt_version: str = "1.11.2",
    warnings: int = 0,
    deferred_to: str = "",
    seconds: float = 60,
    commit: str = "",
    began: datetime = BEGAN,
) -> RunFacts:
    """The facts of a run with two nodes."""
    nodes = [
        NodeFacts(
            *(f"model.shop.{name}", "model", name, 4, "success", "OK"),
            started_at=began + timedelta(seconds=place),
            finished_at=began + timedelta(seconds=place + 1),
            seconds=1.0,
        )
        for place, name in enumerate(["orders", "revenue"])
    ]
    return RunFacts(
        run_id=run_id,
        number=tags.run_number(run_id),
        job="prod__daily",
        job_id=3,
        environment="prod",
        project="shop",
        status=status,
        reason="",
        trigger="scheduled",
        cause="Scheduled",
        who="",
        created_at=began,
        started_at=began,
        finished_at=began + timedelta(seconds=seconds),
        code=CodeFacts(commit, "main") if commit else None,
        dbt_version=dbt_version,
        nodes=tuple(nodes),
        tests=CountedTests(warned=warnings),
        docs=docs,
        deferral=Deferral("environment 'prod'", deferred_to) if deferred_to else None,
    )
