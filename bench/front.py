"""Measures the front: `python -m bench.front --help`.

Makes a deployment with so many runs in its history, on SQLite and on Postgres, and starts Dagster's
webserver and a front. One client asks for the same things again and again, on a connection of its
own; then fifty do, each twice a second.
"""

import argparse
import http.client
import json
import random
import secrets
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import yaml

from bench.deployments import PROGRAMS
from bench.history import ENVIRONMENTS, JOBS, fill, job_name, shown
from bench.measure import peak_megabytes
from bench.servers import free_port
from bench.session import caption, ends_on_sigterm, page, tell, write
from bench.tables import line
from deploy_project.config.values.tokens import digest
from deploy_project.orchestration.internals.run_storage import index_beside
from deploy_project.runs.model import tags
from deploy_project.runs.reads.catching_up import catch_up
from tests.cli.webserver import webserver
from tests.support.deployments.site import PROJECT, Site, make_site
from tests.support.running.running_front import deploy

NAME = "front"
_CLIENTS, _SECONDS, _EVERY = 50, 60.0, 0.5
_MODELS = 200
_HEADINGS = ("what", "target", "SQLite", "p95", "Postgres", "p95")
_API = "/api/v2/accounts/7"
_RANGE = '["2026-01-20T00:00:00+00:00", "2026-01-25T00:00:00+00:00"]'


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the target, and the cells of one storage."""

    what: str
    target: str
    cells: tuple[str, str]


@dataclass(frozen=True)
class Client:
    """A program that asks the front on a connection that it keeps."""

    port: int
    token: str
    errors: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        object.__setattr__(self, "_connection", http.client.HTTPConnection("127.0.0.1", self.port))

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> float:
        """Return the seconds that an answer takes; one that is no success is noted."""
        connection: http.client.HTTPConnection = getattr(self, "_connection")  # noqa: B009
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        begun = time.perf_counter()
        try:
            connection.request(
                method, f"{_API}/{path}", None if body is None else json.dumps(body), headers
            )
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.errors.append(f"{method} {path}: {error!r}")
        else:
            if answer.status >= 400:
                self.errors.append(f"{method} {path}: {answer.status} {content[:300]!r}")
        return time.perf_counter() - begun


def main() -> None:
    """Make the histories, ask, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=60, help="of each request")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="of fifty clients")
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    asked = parser.parse_args()
    ends_on_sigterm()
    if asked.write:
        page("", NAME)
    said = caption(packages=("dagster", "starlette", "uvicorn", "sqlalchemy"))
    found: dict[str, list[Row]] = {}
    for name, storage in (("sqlite", _sqlite), ("postgres", _postgres)):
        if asked.only in (None, name):
            with tempfile.TemporaryDirectory(prefix="front-") as made, storage() as configured:
                site = _deployment(Path(made), configured, asked.runs)
                found[name] = list(_measured(site, times=asked.times, seconds=asked.seconds))
    content = f"{said} {table(found, asked.runs)}"
    print(content)
    if asked.write:
        write(content, NAME)


def table(found: Mapping[str, Sequence[Row]], runs: int) -> str:
    """Return the table of all that was measured."""
    rows: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    for name, measured in found.items():
        for each in measured:
            rows.setdefault((each.what, each.target), {})[name] = each.cells
    lines = [
        f"{runs:,} runs of {JOBS} jobs, and one of {_MODELS} models whose artifacts are read.",
        "",
    ]
    lines += [line(_HEADINGS), line(["---", *["--:"] * 5])]
    for (what, target), cells in rows.items():
        sides = [cells.get(name, ("", "")) for name in ("sqlite", "postgres")]
        lines.append(line([what, target, *sides[0], *sides[1]]))
    return "\n".join(lines)


def _measured(site: Site, *, times: int, seconds: float) -> Iterator[Row]:
    tokens = list(_TOKENS)
    with webserver(site.root, site.environment) as url:
        _configure(site, url)
        began = time.perf_counter()
        with _front(site) as (port, process):
            yield Row("start, to the first answer", "≤ 3 s", (_s(time.perf_counter() - began), ""))
            client = Client(port, tokens[0])
            for what, target, ask in _requests(site, client):
                tell(what)
                ask()
                took = [ask() for _ in range(times if target != _OF_TRIGGERS else times // 3)]
                yield Row(what, target, _cells(took))
            yield from _of_many(site, port, tokens, seconds, client.errors)
            most = peak_megabytes(process.pid)
            yield Row("most memory after all of this", "≤ 200 MiB", (f"{most:.0f} MiB", ""))


_OF_TRIGGERS = "≤ 400 ms"


def _requests(site: Site, client: Client) -> Iterator[tuple[str, str, Callable[[], float]]]:
    chance = random.Random(3)  # noqa: S311 - the same runs each time
    ended, queued, real = _numbers(site)

    def get(path: Callable[[], str]) -> Callable[[], float]:
        return lambda: client.ask("GET", path())

    related = "include_related=trigger,job,environment,run_steps"
    yield "a run", "≤ 50 ms", get(lambda: f"runs/{chance.choice(ended)}/")
    yield "a queued run", "≤ 50 ms", get(lambda: f"runs/{queued}/")
    yield "a run, its trigger, job, steps and logs", "", get(lambda: f"runs/{real}/?{related}")
    yield "100 runs, the newest", "≤ 150 ms", get(lambda: "runs/?order_by=-created_at&limit=100")
    yield (
        *("100 runs in the middle, with triggers and jobs", "≤ 150 ms"),
        get(lambda: f"runs/?offset={len(ended) // 2}&limit=100&include_related=trigger,job"),
    )
    job = JOBS // 2
    yield (
        *("the last failed run of a job", "≤ 150 ms"),
        get(lambda: f"runs/?job_definition_id={job + 1}&status=20&order_by=-finished_at&limit=1"),
    )
    yield (
        *("runs that finished within five days", "≤ 150 ms"),
        get(lambda: f"runs/?finished_at__range={quote(_RANGE)}&order_by=finished_at"),
    )
    yield f"the {JOBS} jobs", "", get(lambda: "jobs/")
    yield "list of artifacts", "≤ 100 ms", get(lambda: f"runs/{real}/artifacts/")
    yield "run_results.json", "", get(lambda: f"runs/{real}/artifacts/run_results.json")
    yield "manifest.json", "", get(lambda: f"runs/{real}/artifacts/manifest.json")
    body = {"cause": "Measured", "steps_override": None}
    yield (
        *("a trigger", _OF_TRIGGERS),
        lambda: client.ask("POST", f"jobs/{chance.randrange(JOBS) + 1}/run/", body),
    )


def _of_many(
    site: Site, port: int, tokens: Sequence[str], seconds: float, errors: Sequence[str]
) -> Iterator[Row]:
    """Yield the rows of fifty clients that poll runs, lists and artifacts for a while."""
    ended, queued, real = _numbers(site)
    tell(f"{len(tokens)} clients for {seconds:.0f} s")
    took, clients = list[float](), [Client(port, each) for each in tokens]
    until = time.monotonic() + seconds

    def poll(client: Client, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        time.sleep(chance.uniform(0, _EVERY))
        due = time.monotonic()
        while due < until:
            path = chance.choice(
                [
                    *[f"runs/{chance.choice(ended)}/"] * 6,
                    *[f"runs/{queued}/?include_related=run_steps"] * 2,
                    "runs/?limit=10&order_by=-created_at",
                    f"runs/{real}/artifacts/",
                ]
            )
            took.append(client.ask("GET", path))
            due += _EVERY
            time.sleep(max(0.0, due - time.monotonic()))

    threads = [
        threading.Thread(target=poll, args=(client, seed)) for seed, client in enumerate(clients)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = [*errors, *(error for client in clients for error in client.errors)]
    for error in found[:5]:
        tell(error)
    many = f"{len(tokens)} clients, each twice a second for {seconds:.0f} s"
    yield Row(f"{many}: an answer", "", _cells(took))
    yield Row(f"{many}: answers", "", (f"{len(took):,}", ""))
    yield Row("errors, of all requests above", "0", (str(len(found)), ""))


def _numbers(site: Site) -> tuple[list[int], int, int]:
    """Return the numbers of runs that have ended, of a queued one, and of the real one."""
    added: Any = json.loads((site.root / "added.json").read_text(encoding="utf-8"))
    ended, queued, real = cast(tuple[list[str], str, str], tuple(added))
    return [tags.run_number(each) for each in ended], tags.run_number(queued), tags.run_number(real)


def _deployment(directory: Path, storage: Mapping[str, Any], runs: int) -> Site:
    """Make a deployment with so many runs in its history, and one that has really been."""
    models = {f"models/m_{number}.sql": f"select {number} as id" for number in range(_MODELS)}
    site = make_site(directory, {**PROJECT, **models})
    settings = yaml.safe_load((directory / "dagster.yaml").read_text(encoding="utf-8"))
    (directory / "dagster.yaml").write_text(json.dumps({**settings, "storage": storage}), "utf-8")
    workspace = Path(__file__).parents[1] / "workspace.yaml"
    (directory / "workspace.yaml").write_text(workspace.read_text(encoding="utf-8"), "utf-8")
    _configure(site, "http://127.0.0.1:1")
    tell("deploying, and one run of it")
    deploy(site)
    done = site.run(job_name(0))
    assert done.success, done.output
    tell(f"making {runs} runs")
    with site.instance() as instance:
        index = index_beside(instance)
        assert index is not None
        added = fill(instance, site.artifacts, runs)
        catch_up(instance, index, site.artifacts, seconds=None)
        index.set_whole_until(datetime.now(UTC) + timedelta(hours=1))
    kept = (added[:-100], added[-1], done.run_id)
    (directory / "added.json").write_text(json.dumps(kept), encoding="utf-8")
    return site


_TOKENS = [secrets.token_urlsafe(32) for _ in range(_CLIENTS)]


def _configure(site: Site, url: str) -> None:
    tokens = {
        f"client_{number}": {"sha256": digest(each), "permissions": ["account_admin"]}
        for number, each in enumerate(_TOKENS)
    }
    environments = {
        name: {
            "type": "production" if place == 0 else "general",
            "branch": "main",
            "target": "prod",
            "id": 20 + place,
        }
        for place, name in enumerate(ENVIRONMENTS)
    }
    deploy_file = {
        "account": {"id": 7, "name": "Acme"},
        "projects": {"shop": {"repository": "REMOTE", "id": 10}},
        "environments": environments,
        "dagster_url": url,
        "tokens": tokens,
    }
    jobs = {
        job_name(number).partition("__")[2]: {
            "id": number + 1,
            "environment": job_name(number).partition("__")[0],
            "execute_steps": ["dbt build"],
        }
        for number in range(JOBS)
    }
    site.configure(jobs=json.dumps({"jobs": jobs}), deploy=json.dumps(deploy_file))


@contextmanager
def _front(site: Site) -> Generator[tuple[int, subprocess.Popen[bytes]]]:
    """Start a front, and yield it when it answers."""
    port = free_port()
    with (site.root / "front.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PROGRAMS / "deploy-project"), "serve", "--port", str(port)],
            cwd=site.root,
            env=site.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        while not _answers(port):
            assert process.poll() is None, (site.root / "front.log").read_text(encoding="utf-8")
            time.sleep(0.02)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _cells(seconds: Sequence[float]) -> tuple[str, str]:
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return shown(statistics.median(ordered)), shown(high)


def _s(seconds: float) -> str:
    return f"{seconds:.1f} s"


@contextmanager
def _sqlite() -> Generator[dict[str, Any]]:
    storage = {"module": "deploy_project.instance", "class": "SqliteStorage"}
    yield {"custom": {**storage, "config": {"base_dir": ".deploy/dagster/history"}}}


@contextmanager
def _postgres() -> Generator[dict[str, Any]]:
    from tests.support.servers.postgres_server import running

    with running() as server:
        server.execute("create database history")
        url = f"postgresql+psycopg2://postgres:{server.password}@127.0.0.1:{server.port}/history"
        yield {"postgres": {"postgres_url": url}}


if __name__ == "__main__":
    main()
