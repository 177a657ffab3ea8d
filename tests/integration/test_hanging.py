"""Runs that wait for somebody who never answers: their time ends them, and people do."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from deploy_project.dbt.processes import process
from tests.support.deployments.site import DEPLOY, Site
from tests.support.servers.hollow_server import mute
from tests.support.waiting import wait

pytestmark = pytest.mark.slow

LIMIT = 10
JOBS = f"""
    jobs:
      limited:
        environment: prod
        execute_steps: [dbt run]
        execution: {{timeout_seconds: {LIMIT}}}
      patient: {{environment: prod, execute_steps: [dbt run]}}
"""
LONG = 300
"""Seconds that nothing here may take: ten times as long as is promised."""
MESSAGE = (
    f"This run timed out after running for {LIMIT} seconds, "
    f"which exceeded the configured timeout of {LIMIT} seconds."
)


def temporary(site: Site) -> str:
    (site.root / "temporary").mkdir(exist_ok=True)
    return str(site.root / "temporary")


def started_by(site: Site) -> list[str]:
    """The processes that have the site's directory for temporary files, as all below a run."""
    mark, found = f"TMPDIR={temporary(site)}\0".encode(), list[str]()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes() + b"\0":
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [each for each in found if each]  # a process that is about to go has no arguments


Prepared = Generator[None]


def configure(site: Site, remote: str = "REMOTE", more: str = "") -> None:
    site.configure(
        jobs=JOBS, deploy=DEPLOY.replace("REMOTE", remote).replace("main,", f"main,{more}")
    )


@contextmanager
def a_remote(site: Site, _: pytest.MonkeyPatch) -> Prepared:
    with mute() as url:
        configure(site, url)
        yield


@contextmanager
def a_submodule(site: Site, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    with mute() as url:
        configure(site)
        commit = site.git("rev-parse", "HEAD")
        site.git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
        (site.working_copy / "lib").mkdir()
        site.push({".gitmodules": f'[submodule "lib"]\npath = lib\nurl = {url}\n'})
        yield


@contextmanager
def a_package(site: Site, _: pytest.MonkeyPatch) -> Prepared:
    with mute() as url:
        configure(site)
        site.push({"packages.yml": f'packages: [{{git: "{url}", revision: main}}]'})
        yield


@contextmanager
def an_index(site: Site, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """An index of Python packages, asked for another dbt."""
    with mute() as url:
        configure(site, more=' dbt_version: "1.9.*",')
        for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX"):
            monkeypatch.setenv(name, url)
        monkeypatch.setenv("UV_NO_CONFIG", "1")
        monkeypatch.delenv("UV_CONFIG_FILE", raising=False)
        monkeypatch.setenv("UV_CACHE_DIR", str(site.root / "cache"))
        yield


@contextmanager
def a_lock(site: Site, _: pytest.MonkeyPatch) -> Prepared:
    """The lock of the mirror, which another process holds while it fetches."""
    configure(site)
    mirror = site.state.mirror("tiny")
    mirror.parent.mkdir(parents=True)
    with FileLock(mirror.with_name("mirror.lock")):
        yield


WAITS = {
    "a remote": (a_remote, {}, "01-clone-git-repository"),
    "a remote, for a given commit": (
        a_remote,
        {"deploy/commit": "a" * 40},
        "01-clone-git-repository",
    ),
    "a submodule": (a_submodule, {}, "01-clone-git-repository"),
    "a lock": (a_lock, {}, "01-clone-git-repository"),
    "an index of packages": (an_index, {}, "02-create-profile"),
    "a package": (a_package, {}, "03-dbt-deps"),
}


@pytest.mark.parametrize("name", WAITS)
def test_the_timeout_ends_a_run_that_waits_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
):
    """A fetch went on for an hour, and was started once more after its run had timed out."""
    prepare, tags, step = WAITS[name]
    with ExitStack() as stack:
        stack.enter_context(prepare(site, monkeypatch))
        begun = time.monotonic()
        run = site.execute("prod__limited", "--tags", json.dumps(tags), TMPDIR=temporary(site))
        assert time.monotonic() - begun < LONG
        assert wait(lambda: not started_by(site), otherwise=lambda: started_by(site))
    assert site.status(run.run_id) == "CANCELED"
    steps = site.steps(run.run_id)
    assert list(steps)[-1] == step
    assert (steps[step]["status"], steps[step]["message"]) == ("Cancelled", MESSAGE)
    assert MESSAGE in site.console(run.run_id, step)
    assert site.record(run.run_id)["message"] == MESSAGE
    assert list(site.state.all_work.iterdir()) == []


@pytest.mark.parametrize("name", ["a remote, for a given commit", "a submodule"])
def test_the_next_run_works(site: Site, monkeypatch: pytest.MonkeyPatch, name: str):
    """Nothing is left of the git that was ended that would be in the next one's way."""
    prepare, tags, _ = WAITS[name]
    with ExitStack() as stack:
        stack.enter_context(prepare(site, monkeypatch))
        assert not site.run("prod__limited", tags).success
    configure(site)
    site.git("rm", "-r", "--cached", "--ignore-unmatch", "--quiet", "lib", ".gitmodules")
    commit = site.push({"models/third.sql": "select 3 as id"})
    run = site.run("prod__patient")
    assert run.success, run.output
    assert site.record(run.run_id)["commit"] == commit
    assert site.query("select id from third") == [(3,)]


@pytest.mark.parametrize("tags", [{}, {"deploy/commit": "a" * 40}], ids=["the head", "a commit"])
@pytest.mark.parametrize(
    ("number", "at_start"),
    [
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.default_int_handler),
        (signal.SIGINT, signal.SIG_IGN),
    ],
    ids=["SIGINT", "SIGTERM", "SIGINT in the background"],
)
def test_a_signal_ends_a_run_whose_git_waits(
    site: Site, number: signal.Signals, at_start: signal.Handlers, tags: dict[str, str]
):
    with mute() as url:
        configure(site, url)
        command = ("-m", "dagster", "job", "execute", "-m", "deploy_project.definitions")
        started = subprocess.Popen(
            [sys.executable, *command, "-j", "prod__patient", "--tags", json.dumps(tags)],
            cwd=site.root,
            env={**site.environment, "TMPDIR": temporary(site)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, at_start),
        )
        assert wait(lambda: any(url in each for each in started_by(site)))
        started.send_signal(number)
        output = started.communicate(timeout=LONG)[0]
        assert wait(lambda: not started_by(site), otherwise=lambda: started_by(site))
    assert started.returncode != 0, output
    (run_id,) = site.run_ids()
    assert site.status(run_id) == "CANCELED"
    assert site.steps(run_id)["01-clone-git-repository"]["status"] == "Cancelled"
    assert site.record(run_id)["message"] == "Interrupted on the command line."
    assert list(site.state.all_work.iterdir()) == []


def test_the_git_of_dbt_deps_that_hears_nothing_ends_without_a_timeout(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    """Dbt waits for its git for ever, and so did all runs of the commit for the lock of that."""
    monkeypatch.setattr(process, "SILENCE_SECONDS", 3)
    with a_package(site, monkeypatch):
        run = site.run("prod__patient")
        named = [each for each in site.steps(run.run_id).values() if each["status"] == "Error"]
    assert [each["name"] for each in named] == ["Invoke dbt with `dbt deps`"]
    assert "`dbt deps` failed" in named[0]["message"]
    assert "git" in named[0]["message"]
