"""Measures ticks of the pull request sensor without news: `python -m bench.polling`.

Ticks are evaluated in this process, as the daemon's code server does it, against a hosting site in
another process and against a git remote on this disk. Nothing but the sites is asked.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.measure import cpu_so_far
from bench.repositories import Repository

_SENSOR = "shop_pull_requests"
_API = {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}
_DEPLOY = """
projects:
  shop: {repository: REMOTE, PLACE}
environments:
  prod: {type: production, branch: main, target: prod}
  staging: {type: staging, branch: main, target: prod}
"""
_JOBS = "jobs: {checks: {environment: staging, job_type: ci}}\n"
_HOSTING = "hosting: {kind: KIND, url: URL/acme/shop, api_url: URLAPI, token: {env: BENCH_TOKEN}}"


@dataclass(frozen=True)
class Ticks:
    """The time, CPU and requests of ticks without news, for one hosting site or git remote."""

    place: str
    open: int
    requests: int
    """Of one tick."""
    wall: list[float]
    cpu: list[float]
    """Seconds of this process and of those that it has waited for."""


def main() -> None:
    """Measure each kind of place, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", default="50,500", help="how many pull requests are open")
    parser.add_argument("--ticks", type=int, default=20, help="how many ticks are measured of each")
    asked = parser.parse_args()
    os.environ["NO_PROXY"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as directory:
        counts = [int(each) for each in asked.open.split(",")]
        found = [
            each
            for count in counts
            for each in _measured(Path(directory) / str(count), count, asked.ticks)
        ]
    print("| place | open | requests | wall, median | wall, worst | CPU, median |")
    print("|---|--:|--:|--:|--:|--:|")
    for each in found:
        wall, worst, cpu = statistics.median(each.wall), max(each.wall), statistics.median(each.cpu)
        print(
            f"| {each.place} | {each.open} | {each.requests} | {wall * 1000:.0f} ms "
            f"| {worst * 1000:.0f} ms | {cpu * 1000:.0f} ms |"
        )


def _measured(directory: Path, count: int, ticks: int) -> Iterator[Ticks]:
    remote, commit = _remote(directory, count)
    for kind, api in _API.items():
        with _site(kind, count, commit) as (url, site):
            place = _HOSTING.replace("KIND", kind).replace("URLAPI", url + api).replace("URL", url)

            def asked(site: Connection = site) -> int:
                site.send("how often?")
                return site.recv()

            yield _cost(kind, count, _files(directory / kind, remote, place), asked, ticks)
    files = _files(directory / "refs", remote, "pull_requests: {refs: refs/pull/*/head}")
    yield _cost("references", count, files, None, ticks)


def _remote(directory: Path, count: int) -> tuple[Path, str]:
    """Make a repository with as many pull requests, of one commit."""
    remote = directory / "remote"
    remote.mkdir(parents=True)

    repository = Repository(remote)
    repository.begin()
    repository.git("checkout", "--quiet", "-b", "work")
    commit = repository.commit("Change")
    wanted = "".join(f"create refs/pull/{n}/head {commit}\n" for n in range(1, count + 1))
    repository.git("update-ref", "--stdin", said=wanted)
    repository.git("pack-refs", "--all")
    return remote, commit


def _files(directory: Path, remote: Path, place: str) -> Path:
    directory.mkdir(parents=True)
    deploy = _DEPLOY.replace("REMOTE", str(remote)).replace("PLACE", place)
    (directory / "deploy.yaml").write_text(deploy, encoding="utf-8")
    (directory / "jobs.yml").write_text(_JOBS, encoding="utf-8")
    return directory


@contextmanager
def _site(kind: str, count: int, commit: str) -> Generator[tuple[str, Connection]]:
    from tests.support.deployments.hosting_site import TOKEN

    os.environ["BENCH_TOKEN"] = TOKEN
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(kind, count, commit, theirs), daemon=True
    )
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        ours.send("")
        process.join()


def _serve(kind: Any, count: int, commit: str, pipe: Connection) -> None:
    from tests.support.deployments.hosting_site import serve

    with serve(kind) as site:
        site.open(*range(1, count + 1), head=commit)
        pipe.send(site.url)
        while pipe.recv():
            pipe.send(len(site.requests))


def _cost(place: str, count: int, directory: Path, asked: Any, ticks: int) -> Ticks:
    """Evaluate ticks with the definitions that a code server would have loaded once."""
    import dagster as dg

    from deploy_project.config.resolve.loading import load_deployment
    from deploy_project.config.state import StateDirectory
    from deploy_project.orchestration.listeners import LISTENERS
    from deploy_project.orchestration.location import definitions
    from deploy_project.orchestration.triggers import pace

    pace.ASKING_SECONDS = 0  # a code server asks in every third tick only
    state = StateDirectory(directory / ".deploy")
    deployment = load_deployment(directory / "deploy.yaml", state=state.root)
    repository = definitions(
        deployment, state, pointers={}, listeners=LISTENERS
    ).get_repository_def()
    sensor = repository.get_sensor_def(_SENSOR)
    with dg.DagsterInstance.ephemeral() as instance:  # pyright: ignore[reportUnknownMemberType]

        def tick(cursor: str | None) -> Any:
            context = dg.build_sensor_context(instance, cursor, repository_def=repository)
            return sensor.evaluate_tick(context)

        cursor = tick(None).cursor
        before = asked() if asked else 0
        wall, cpu = list[float](), list[float]()
        for _ in range(ticks):
            begun, spent = time.perf_counter(), cpu_so_far()
            done = tick(cursor)
            wall.append(time.perf_counter() - begun)
            cpu.append(cpu_so_far() - spent)
            assert done.skip_message == "No pull request has changed", done
    return Ticks(place, count, (asked() - before) // ticks if asked else 1, wall, cpu)


if __name__ == "__main__":
    main()
