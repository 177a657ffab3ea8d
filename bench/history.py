"""Measures reads of a long history of runs: `python -m bench.history --help`.

Makes so many runs, each with its tags and facts, in a Dagster instance on SQLite and in one on
Postgres, has the index made, and times each read as the command line and the API do it.
"""

import argparse
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from upath import UPath

from bench.session import caption, ends_on_sigterm, page, tell, write
from bench.tables import line
from deploy_project.orchestration.internals.connections import keep_connections
from deploy_project.orchestration.internals.run_storage import index_beside, matching_runs
from deploy_project.runs.model import run_facts, tags
from deploy_project.runs.model.run_facts import CountedTests, NodeFacts, RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.catching_up import catch_up
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Between, Wanted
from deploy_project.runs.store.artifacts import Artifacts

NAME = "history"
NODES = 20
JOBS = 50
ENVIRONMENTS = ("env_0", "env_1", "env_2")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_BETWEEN = timedelta(minutes=10)
_QUEUED = 20
"""So many of the newest runs wait."""
_HEADINGS = ("what", "target", "SQLite", "p95", "Postgres", "p95")
_ONE, _PAGE, _FILTER = 0.010, 0.060, 0.100

Read = Callable[[Runs], object]


@dataclass(frozen=True)
class Timed:
    """One read and the seconds that it took, each time."""

    what: str
    target: float | None
    seconds: Sequence[float]

    @property
    def cells(self) -> list[str]:
        """Its median and its 95th percentile."""
        ordered = sorted(self.seconds)
        high = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        return [shown(each) for each in (statistics.median(ordered), high)]


def shown(seconds: float) -> str:
    """Return a duration as the table has it."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"


def main() -> None:
    """Make the histories, time the reads, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=40, help="of each read")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    asked = parser.parse_args()
    ends_on_sigterm()
    if asked.write:
        page("", NAME)
    said = caption(packages=("dagster", "sqlalchemy"))
    found: dict[str, list[Timed]] = {}
    for name, opened in (("sqlite", _sqlite), ("postgres", _postgres)):
        if asked.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="history-") as made, opened(Path(made)) as each:
                found[name] = list(_measured(each, Path(made), asked.runs, asked.times))
    content = f"{said} {table(found, asked.runs)}"
    print(content)
    if asked.write:
        write(content, NAME)


def table(found: dict[str, list[Timed]], runs: int) -> str:
    """Return the table of all reads."""
    rows: dict[tuple[str, float | None], dict[str, list[str]]] = {}
    for name, timed in found.items():
        for each in timed:
            rows.setdefault((each.what, each.target), {})[name] = each.cells
    lines = [
        f"{runs:,} runs of {JOBS} jobs, each with 15 tags, and {NODES} nodes in its facts.",
        "",
    ]
    lines += [line(_HEADINGS), line(["---", *["--:"] * 5])]
    for (what, target), cells in rows.items():
        wanted = f"≤ {target * 1000:.0f} ms" if target is not None else ""
        sides = [cells.get(name, ["", ""]) for name in ("sqlite", "postgres")]
        lines.append(line([what, wanted, *sides[0], *sides[1]]))
    return "\n".join(lines)


def _measured(
    instance: dg.DagsterInstance, directory: Path, count: int, times: int
) -> Iterator[Timed]:
    keep_connections(instance)
    artifacts, index = Artifacts(UPath(directory / "artifacts")), index_beside(instance)
    assert index is not None
    tell(f"making {count} runs")
    added = fill(instance, artifacts, count)
    tell("making the index")
    begun = time.perf_counter()
    catch_up(instance, index, artifacts, seconds=None)
    yield Timed("the index made, `deploy-project index`", None, [time.perf_counter() - begun])
    index.set_whole_until(datetime.now(UTC) + timedelta(hours=1))  # all of them ended just now
    runs = Runs(instance, "", artifacts, index, partial(matching_runs, instance))
    for what, target, read in _reads(added):
        yield Timed(what, target, list(_seconds(partial(read, runs), times)))
    yield Timed("the index caught up with nothing new", None, _of_catching_up(runs, times))
    plain = Runs(instance, "", artifacts)
    took = list(_seconds(partial(_page_of_100, plain), 3))
    yield Timed("a page of 100 without an index", None, took)


def _of_catching_up(runs: Runs, times: int) -> list[float]:
    index, artifacts = runs.index, runs.artifacts
    assert index is not None
    assert artifacts is not None
    return list(_seconds(lambda: catch_up(runs.instance, index, artifacts, seconds=60), times))


def _seconds(read: Callable[[], object], times: int) -> Iterator[float]:
    read()
    for _ in range(times):
        begun = time.perf_counter()
        read()
        yield time.perf_counter() - begun


def _page_of_100(runs: Runs) -> object:
    return runs.page()


def _reads(added: Sequence[str]) -> Iterator[tuple[str, float, Read]]:
    chance = random.Random(3)  # noqa: S311 - the same runs each time
    month = Between(_BEGAN + timedelta(days=20), _BEGAN + timedelta(days=25))

    def of(wanted: Wanted, *, offset: int = 0) -> Read:
        return lambda runs: runs.page(wanted, offset=offset)

    yield "one run by its id", _ONE, lambda runs: runs.by_id(chance.choice(added))
    yield (
        "one run by its number",
        _ONE,
        lambda runs: runs.find(str(tags.run_number(chance.choice(added)))),
    )
    yield (
        "a queued run by its number",
        _ONE,
        lambda runs: runs.find(str(tags.run_number(added[-1]))),
    )
    yield "the facts of a run", _ONE, lambda runs: runs.facts(chance.choice(added[:-_QUEUED]))
    yield "a page of 100 and the count of all", _PAGE, _page_of_100
    yield "a page of 100 in the middle", _PAGE, of(Wanted(), offset=len(added) // 2)
    filters = {
        "job": Wanted(jobs={job_name(3)}),
        "project": Wanted(projects={"shop"}),
        "environment": Wanted(environments={"env_1"}),
        "status `Error`": Wanted(statuses={Status.ERROR}),
        "status `Queued`": Wanted(statuses={Status.QUEUED}),
        "trigger": Wanted(triggers={"merge"}),
        "commit": Wanted(commit=_commit(40)),
        "branch": Wanted(branch="main"),
        "pull request": Wanted(pull_request=7),
        "created within five days": Wanted(created=month),
        "finished within five days": Wanted(finished=month),
        "dbt version": Wanted(dbt_versions={"1.10.4"}),
        "has docs": Wanted(has_docs=True),
        "deferring run": Wanted(deferred_to=added[0]),
        "numbers, 100 of them": Wanted(numbers={tags.run_number(each) for each in added[:100]}),
        "job, status and time": Wanted(
            jobs={job_name(3)}, statuses={Status.SUCCESS}, created=Between(_BEGAN)
        ),
    }
    for what, wanted in filters.items():
        yield f"by {what}, 100 and their count", _FILTER, of(wanted)
    jobs = {job_name(number) for number in range(JOBS)}
    yield f"the medians of {JOBS} jobs", _FILTER, lambda runs: runs.median_seconds(jobs)
    yield "the last 100 runs of a node", _FILTER, lambda runs: runs.node_runs("model.shop.m_3")


def job_name(number: int) -> str:
    """Return the name of one of the jobs, with its environment before it."""
    return f"{ENVIRONMENTS[number % 3]}__job_{number}"


def _commit(number: int) -> str:
    return f"{number:040x}"


def fill(instance: dg.DagsterInstance, artifacts: Artifacts, count: int) -> list[str]:
    """Add so many runs, the oldest first, and return their ids; the newest wait."""
    # Through the tables: Dagster would take a quarter of an hour on Postgres.
    from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
    from dagster._serdes import serialize_value

    chance = random.Random(1)  # noqa: S311 - the same runs each time
    bodies, labels, ids = list[dict[str, object]](), list[dict[str, object]](), list[str]()
    for number in range(count):
        run_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        ids.append(run_id)
        began = _BEGAN + number * _BETWEEN
        outcomes = [dg.DagsterRunStatus.SUCCESS] * 8
        outcomes += [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
        status = chance.choice(outcomes)
        if number >= count - _QUEUED:
            status = dg.DagsterRunStatus.QUEUED
        seconds = chance.uniform(30, 300)
        place = chance.randrange(JOBS)
        job, own = job_name(place), _tags(number, chance)
        own |= {tags.JOB: job, tags.JOB_ID: str(place + 1)}
        own |= {tags.ENVIRONMENT: job.partition("__")[0]}
        run = dg.DagsterRun(
            job, run_id=run_id, status=status, tags=own, remote_job_origin=_origin(job)
        )
        ended = began + timedelta(seconds=seconds)
        has_ended = status is not dg.DagsterRunStatus.QUEUED
        bodies.append(
            {
                "run_id": run_id,
                "pipeline_name": job,
                "status": status.value,
                "run_body": serialize_value(run),
                "create_timestamp": began.replace(tzinfo=None),
                "update_timestamp": (ended if has_ended else began).replace(tzinfo=None),
                "start_time": began.timestamp() if has_ended else None,
                "end_time": ended.timestamp() if has_ended else None,
            }
        )
        labels += [{"run_id": run_id, "key": key, "value": value} for key, value in own.items()]
        if has_ended:
            run_facts.keep(
                artifacts, _facts(run_id, job, Status.of(status), began, ended, ids[0], chance)
            )
    storage: Any = instance.run_storage
    with storage.connect() as connection:
        connection.execute(RunsTable.insert(), bodies)
        connection.execute(RunTagsTable.insert(), labels)
    return ids


def _origin(job: str) -> Any:
    """Return what Dagster wants of every run that waits."""
    from dagster._core.remote_origin import (
        RegisteredCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )

    location = RegisteredCodeLocationOrigin("deploy_project")
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)


def _tags(number: int, chance: random.Random) -> dict[str, str]:
    commit = _commit(number // 25)
    pull = {tags.PULL_REQUEST: str(number % 40)} if chance.random() < 0.2 else {}
    return {
        tags.PROJECT: "shop",
        tags.COMMIT: commit[:7],
        tags.FULL_COMMIT: commit,
        tags.BRANCH: chance.choice(["main", "next"]),
        tags.TRIGGER: chance.choice(["scheduled", "merge", "api", "ui"]),
        tags.CAUSE: "Scheduled",
        tags.WHO: "ana on laptop",
        tags.QUEUE: f"queue {number % JOBS}",
        tags.DEFINITION: "0123456789abcdef",
        tags.LIMIT.format(4): "env",
        tags.SLOTS.format(4): "account",
        **pull,
    }


def _facts(
    run_id: str,
    job: str,
    status: Status,
    began: datetime,
    ended: datetime,
    first: str,
    chance: random.Random,
) -> RunFacts:
    nodes = [
        NodeFacts(
            *(f"model.shop.m_{place}", "model", f"m_{place}", 4, "success", "OK"),
            started_at=began + timedelta(seconds=place),
            finished_at=began + timedelta(seconds=place + 1),
            seconds=1.0,
        )
        for place in range(NODES)
    ]
    return RunFacts(
        run_id=run_id,
        number=tags.run_number(run_id),
        job=job,
        job_id=3,
        environment=job.partition("__")[0],
        project="shop",
        status=status,
        reason="",
        trigger="scheduled",
        cause="Scheduled",
        who="",
        created_at=began,
        started_at=began,
        finished_at=ended,
        code=None,
        dbt_version=chance.choice(["1.10.4", "1.11.2"]),
        nodes=tuple(nodes),
        tests=CountedTests(warned=chance.randrange(2)),
        docs=chance.choice(["", "published"]),
        deferral=run_facts.Deferral("environment 'prod'", first) if chance.random() < 0.1 else None,
    )


@contextmanager
def _sqlite(directory: Path) -> Generator[dg.DagsterInstance]:
    storage = (
        "{custom: {module: deploy_project.instance, class: SqliteStorage, "
        f"config: {{base_dir: {directory / 'history'}}}}}}}"
    )
    with _instance(directory, storage) as instance:
        yield instance


@contextmanager
def _postgres(directory: Path) -> Generator[dg.DagsterInstance]:
    from tests.support.servers.postgres_server import running

    with running() as server:
        server.execute("create database history")
        url = f"postgresql+psycopg2://postgres:{server.password}@127.0.0.1:{server.port}/history"
        with _instance(directory, f"{{postgres: {{postgres_url: '{url}'}}}}") as instance:
            yield instance


@contextmanager
def _instance(directory: Path, storage: str) -> Generator[dg.DagsterInstance]:
    text = f"telemetry: {{enabled: false}}\nstorage: {storage}\n"
    (directory / "dagster.yaml").write_text(text, encoding="utf-8")
    os.environ["DAGSTER_HOME"] = str(directory)
    with dg.DagsterInstance.from_config(str(directory)) as instance:  # pyright: ignore
        yield instance


if __name__ == "__main__":
    main()
