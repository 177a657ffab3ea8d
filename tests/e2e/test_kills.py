"""SIGKILL to each process of Dagster and dbt in each phase of a run, and what comes of it.

`pytest tests/e2e/test_kills.py --kills all` (`make kill`) kills everything everywhere; else the few
pairs that say most.
"""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.e2e import dagster_dev
from tests.e2e.dagster_dev import DagsterDev, Run
from tests.e2e.gates import WAIT, Remotes, serve
from tests.support.deployments.site import PROJECT, Site, make_site
from tests.support.ports import free_port
from tests.support.running.processes import processes_in, processes_naming
from tests.support.waiting import PATIENCE, wait

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

VICTIMS = ("worker", "dbt", "code server", "proxy", "daemon")
PHASES = ("queued", "cloning", "deps", "parsing", "running", "docs", "publishing")
SHORT = [("worker", "running"), ("worker", "publishing"), ("dbt", "running")]
WITHOUT = {"worker": {"queued"}, "dbt": {"queued", "cloning", "publishing"}}
"""The phases in which a run has no such process."""
ALL = [(who, phase) for who in VICTIMS for phase in PHASES if phase not in WITHOUT.get(who, ())]
T = TypeVar("T")

JOBS = """
    jobs:
      daily: &held
        id: 1
        environment: prod
        execute_steps: [dbt run --select held]
      documented:
        <<: *held
        id: 2
        generate_docs: true
      before:
        <<: *held
        id: 5
      after:
        id: 3
        environment: prod
        execute_steps: [dbt run --select orders]
        job_completion_trigger_condition: {condition: {job_id: 5, project_id: 1, statuses: [10]}}
      on_merge:
        id: 4
        environment: prod
        execute_steps: [dbt run --select orders]
        triggers: {on_merge: true}
"""
DEPLOY = """
    dagster_url: URL
    projects:
      tiny: {id: 1, repository: "GIT"}
    environments:
      prod: {type: production, branch: main, target: prod, concurrency: 1}
"""
HELD = "{{ config(materialized='table') }} {{ wait_for('running') }} select 1 as id"
CATALOG = """
    {% macro duckdb__get_catalog_relations(information_schema, relations) %}
      {{ wait_for('docs') }}
      {{ return(dbt.duckdb__get_catalog_relations(information_schema, relations)) }}
    {% endmacro %}
"""
SLOW_TO_PARSE = """
    {%- for _ in range(9000) -%}{%- for _ in range(20000) -%}{%- endfor -%}{%- endfor -%}
    select 1 as id
"""


@dataclass
class Victims:
    """A `dagster dev` that is started again when its daemon was killed, and what holds its runs."""

    site: Site
    remotes: Remotes
    port: int
    dev: DagsterDev
    parsed: str = ""
    commits: int = 0
    rows: list[str] = field(default_factory=list[str])

    @property
    def gates(self) -> Path:
        return self.site.root / "gates"

    def restart(self) -> None:
        """End what is left of a `dagster dev` whose daemon was killed; start another one."""
        self.dev.process.wait(timeout=PATIENCE)
        self.dev = dagster_dev.start(self.site, port=self.port)
        self.wait("definitions", lambda: self.dev.assets())

    def pids(self, victim: str, run_id: str = "") -> list[int]:
        """The processes that a victim's name stands for."""
        if victim == "worker":
            return [self.worker(run_id)]
        words = {
            "dbt": "child.py",
            "code server": "dagster api grpc",
            "proxy": "code-server start",
            "daemon": "dagster._daemon",
        }
        return [pid for pid, line in processes_in(self.site.root).items() if words[victim] in line]

    def worker(self, run_id: str) -> int:
        (file,) = self.site.root.glob(f".deploy/dagster/**/workers/{run_id}/alive")
        return json.loads(file.read_text())["pid"]

    def kill(self, victim: str, run_id: str = "") -> float:
        """Kill what the name stands for; return when."""
        pids, now = self.pids(victim, run_id), time.time()
        assert pids, f"no {victim} to kill"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return now

    def healed(self, victim: str, killed_at: float) -> None:
        """Wait until Dagster is whole again; only the daemon needs a supervisor for that."""
        if victim == "daemon":
            self.restart()
        self.wait(f"another {victim}", lambda: self.dev.loaded_after(killed_at))

    def commit(self, files: Mapping[str, str] | None = None) -> str:
        """A new commit beside the branch that is deployed."""
        self.commits += 1
        made = self.site.push({"README.md": str(self.commits), **(files or {})}, ref="beside")
        self.site.git("reset", "--quiet", "--hard", "origin/main")
        return made

    def known(self) -> str:
        """A commit of the branch that is parsed once: most phases come after that."""
        self.parsed = self.parsed or self.site.git("rev-parse", "origin/main")
        return self.parsed

    def left(self) -> list[str]:
        """The processes of dbt, and those that install a package for it."""
        return [*self.dev.dbt_processes(), *processes_naming(self.remotes.url("package.git"))]

    def wait(self, what: str, found: Callable[[], T | None]) -> T:
        return self.dev.wait(what, found)

    def ended(self, run_id: str) -> Run:
        return self.dev.ended(run_id)


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victims]:
    root = tmp_path_factory.mktemp("kills")
    wait = WAIT.replace("GATES", str(root / "gates"))
    project = {
        **PROJECT,
        "models/held.sql": HELD,
        "macros/wait_for.sql": wait,
        "macros/catalog.sql": CATALOG,
    }
    site = make_site(root, project)
    (root / "gates").mkdir()
    _make_package(site)
    port = free_port()
    with serve(root, "remote.git", "package.git") as remotes:
        deploy = DEPLOY.replace("URL", f"http://127.0.0.1:{port}")
        site.configure(deploy=deploy.replace("GIT", remotes.url("remote.git")), jobs=JOBS)
        made = Victims(site, remotes, port, dagster_dev.start(site, port=port))
        try:
            made.wait("definitions", lambda: "prod/held" in made.dev.assets())
            yield made
        finally:
            remotes.open()
            shutil.rmtree(made.gates)
            dagster_dev.end(made.dev)
            print("\n".join(made.rows))


def _make_package(site: Site) -> None:
    directory = site.root / "package"
    shutil.copytree(site.working_copy, directory)
    site.git("checkout", "--quiet", "--orphan", "package", cwd=directory)
    site.git("rm", "--quiet", "-r", "--force", ".", cwd=directory)
    (directory / "dbt_project.yml").write_text("name: package\nversion: '1.0'\n")
    site.git("add", "--all", cwd=directory)
    site.git("commit", "--quiet", "--message", "Package", cwd=directory)
    site.git("clone", "--quiet", "--bare", str(directory), str(site.root / "package.git"))


@dataclass(frozen=True)
class Hold:
    """A run that waits in a phase; `release` lets it go on."""

    run_id: str
    commit: str
    job: str
    release: Callable[[], None]


def held(killing: Victims, phase: str) -> Hold:
    """Start a run and return it once it waits in `phase`."""
    return {
        "queued": _queued,
        "cloning": _cloning,
        "deps": _deps,
        "parsing": _parsing,
        "running": _running,
        "docs": _docs,
        "publishing": _publishing,
    }[phase](killing)


def _launched(killing: Victims, commit: str, job: str = "prod__daily") -> str:
    return killing.dev.launch(job, tags={"deploy/commit": commit, "deploy/branch": "beside"})


def _queued(killing: Victims) -> Hold:
    before = _running(killing)
    run_id = _launched(killing, before.commit)
    killing.wait("queue", lambda: killing.dev.run(run_id).status == "QUEUED")
    return replace(before, run_id=run_id)


def _cloning(killing: Victims) -> Hold:
    gate, commit = killing.remotes.gates["remote.git"], killing.commit()
    gate.close()
    run_id = _launched(killing, commit)
    assert gate.asked.wait(PATIENCE), killing.dev.tail()
    return Hold(run_id, commit, "prod__daily", gate.open)


def _deps(killing: Victims) -> Hold:
    gate = killing.remotes.gates["package.git"]
    url = killing.remotes.url("package.git")
    packages = f"packages: [{{git: '{url}', revision: package}}]"
    commit = killing.commit({"packages.yml": packages})
    gate.close()
    run_id = _launched(killing, commit)
    assert gate.asked.wait(PATIENCE), killing.dev.tail()
    return Hold(run_id, commit, "prod__daily", gate.open)


def _parsing(killing: Victims) -> Hold:
    commit = killing.commit({"models/slow.sql": SLOW_TO_PARSE})
    run_id = _launched(killing, commit)
    console = killing.site.state.work(run_id) / "steps" / "04-dbt-run" / "console.log"
    killing.wait("parsing", lambda: console.is_file() and "Registered" in console.read_text())
    return Hold(run_id, commit, "prod__daily", lambda: None)


def _running(killing: Victims, job: str = "prod__daily") -> Hold:
    gate, commit = killing.gates / "running", killing.known()
    gate.touch()
    run_id = _launched(killing, commit, job)
    killing.wait("model", lambda: run_id in killing.dev.building("held"))
    return Hold(run_id, commit, job, lambda: gate.unlink(missing_ok=True))


def _docs(killing: Victims) -> Hold:
    gate, commit = killing.gates / "docs", killing.known()
    gate.touch()
    run_id = _launched(killing, commit, "prod__documented")
    console = killing.site.state.work(run_id) / "steps" / "05-generate-docs" / "console.log"
    killing.wait("docs", lambda: console.is_file() and "Building" in console.read_text())
    return Hold(run_id, commit, "prod__documented", lambda: gate.unlink(missing_ok=True))


def _publishing(killing: Victims) -> Hold:
    """A pipe that nobody reads stands where the second file of the state must go."""
    running = _running(killing)
    place = killing.site.state.artifacts / "environments" / "prod" / "state" / running.run_id
    place.mkdir(parents=True)
    pipe = place / "run_results.json"
    os.mkfifo(pipe)
    running.release()
    killing.wait("half a publication", lambda: (place / "manifest.json").is_file())

    def fill() -> None:
        with suppress(FileNotFoundError):  # what a killed run had placed is cleared away
            content = pipe.read_bytes()  # waits for ever when the writer was killed
            pipe.unlink()
            pipe.write_bytes(content)

    def release() -> None:
        threading.Thread(target=fill, daemon=True).start()

    return Hold(running.run_id, running.commit, running.job, release)


def published_is_whole(killing: Victims) -> None:
    """What the pointers name is there, and can be read to its end."""
    root = killing.site.state.artifacts
    for pointer in [*root.glob("environments/*/*.json"), *root.glob("jobs/*/*.json")]:
        place = pointer.with_suffix("") / json.loads(pointer.read_text())["run_id"]
        assert json.loads((place / "manifest.json").read_text())["nodes"]
        other = "catalog.json" if pointer.stem == "docs" else "run_results.json"
        assert json.loads((place / other).read_text())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "phase" in metafunc.fixturenames:
        wanted = ALL if metafunc.config.getoption("--kills") == "all" else SHORT
        metafunc.parametrize(("victim", "phase"), wanted)


def test_a_kill_ends_just_what_was_killed(killing: Victims, victim: str, phase: str):
    """A run whose own processes die fails; one that loses only Dagster's others goes on."""
    hold = held(killing, phase)
    before = time.monotonic()
    killed_at = killing.kill(victim, hold.run_id)
    done = _its_end(killing, hold, victim, killed_at)
    seconds = time.monotonic() - before
    killing.rows.append(f"{victim:12} {phase:11} {done.status:8} after {seconds:4.0f} s")
    own = victim in ("worker", "dbt")
    assert done.status == ("FAILURE" if own and (victim, phase) != ("dbt", "docs") else "SUCCESS")
    killing.wait("end of dbt and its git", lambda: not killing.left())
    published_is_whole(killing)
    if own:
        again = killing.ended(_launched(killing, hold.commit, hold.job))
        assert again.status == "SUCCESS", "the next run finds nothing in its way"
        published_is_whole(killing)


def _its_end(killing: Victims, hold: Hold, victim: str, killed_at: float) -> Run:
    if victim in ("worker", "dbt"):
        done = killing.ended(hold.run_id)
        hold.release()
        return done
    hold.release()
    killing.healed(victim, killed_at)
    return killing.ended(hold.run_id)


def test_a_merge_whose_code_server_is_killed_is_built_exactly_once(killing: Victims):
    gate = killing.remotes.gates["remote.git"]
    gate.close()
    commit = killing.site.push({"models/orders.sql": "select 2 as id, 20 as amount"})
    assert gate.asked.wait(PATIENCE), killing.dev.tail()
    killed_at = killing.kill("code server")
    gate.open()
    killing.healed("code server", killed_at)
    (run,) = killing.wait("merge run", lambda: killing.dev.runs(trigger="merge", commit=commit))
    assert killing.ended(run.id).status == "SUCCESS"
    seen = len(killing.dev.sensor_ticks("tiny_merges"))
    killing.wait("another tick", lambda: len(killing.dev.sensor_ticks("tiny_merges")) > seen)
    assert len(killing.dev.runs(trigger="merge", commit=commit)) == 1


def test_runs_survive_the_daemon_and_what_they_start_starts_once(killing: Victims):
    """One run ends while there is no daemon, one waits in the queue, and one is started by both."""
    hold = _running(killing, "prod__before")
    queued = _launched(killing, hold.commit, hold.job)
    killing.wait("queue", lambda: killing.dev.run(queued).status == "QUEUED")
    killing.kill("daemon")
    killing.dev.process.wait(timeout=PATIENCE)
    hold.release()
    worker = killing.worker(hold.run_id)
    _wait_for_the_end_of(worker)
    killing.restart()
    assert killing.dev.run(hold.run_id).status == "SUCCESS"
    assert killing.ended(queued).status == "SUCCESS"
    for parent in (hold.run_id, queued):
        (child,) = killing.wait("child", partial(killing.dev.runs, upstream_run=parent))
        assert killing.ended(child.id).status == "SUCCESS"
    assert len(killing.dev.runs(upstream_run=hold.run_id)) == 1


def _wait_for_the_end_of(pid: int) -> None:
    wait(lambda: not Path(f"/proc/{pid}/cwd").exists(), every=0.2)


@pytest.mark.timeout(3600)
def test_a_second_dagster_by_mistake_builds_nothing_twice(
    killing: Victims, request: pytest.FixtureRequest
):
    """Both daemons take runs from the one queue, and both look for merges and ends of jobs."""
    if request.config.getoption("--kills") != "all":
        pytest.skip("takes minutes; make kill")
    second = dagster_dev.start(killing.site, port=free_port())
    try:
        second.wait("definitions", second.assets)
        commit = killing.site.push({"models/orders.sql": "select 3 as id, 30 as amount"})
        (merged, *_) = killing.wait("merge run", lambda: killing.dev.runs(commit=commit))
        launched = [_launched(killing, killing.known(), "prod__before") for _ in range(3)]
        for run_id in (merged.id, *launched):
            assert killing.ended(run_id).status == "SUCCESS"
        children = {each: partial(killing.dev.runs, upstream_run=each) for each in launched}
        for child in children.values():
            killing.wait("child", child)
        time.sleep(60)  # both daemons look again
        assert len(killing.dev.runs(trigger="merge", commit=commit)) == 1
        assert [len(child()) for child in children.values()] == [1, 1, 1]
    finally:
        os.killpg(second.process.pid, signal.SIGINT)
        second.process.wait()
