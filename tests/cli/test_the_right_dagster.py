"""Nothing is asked of a Dagster that is not this deployment's; real ones, with real histories."""

import json
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_project.cli import main
from tests.cli.webserver import webserver
from tests.support.deployments.site import Site, make_site
from tests.support.paths import ROOT
from tests.support.web_page import page

pytestmark = pytest.mark.slow

DEPLOY = """
    account: {name: NAME}
    dagster_url: http://127.0.0.1:9
    projects: {tiny: {repository: REMOTE}}
    environments:
      prod: {type: production, branch: main, target: prod}
"""
JOBS = "jobs: {daily: {environment: prod, execute_steps: [dbt build]}}"
STOCK = """
import dagster as dg

@dg.job
def prod__daily(): ...
"""
SEEN = """
    {
      runsOrError { ... on Runs { results { runId status } } }
      workspaceOrError { ... on Workspace { locationEntries { name updatedTimestamp } } }
    }
"""

Say = Callable[..., tuple[int, str]]


def made(root: Path, name: str) -> Site:
    root.mkdir()
    site = make_site(root)
    shutil.copy(ROOT / "workspace.yaml", root)
    site.configure(jobs=JOBS, deploy=DEPLOY.replace("NAME", name))
    return site


def copied(site: Site, root: Path) -> Site:
    """A colleague's test copy: the same configuration, and the same history until then."""
    shutil.copytree(site.root, root)
    return Site(root)


def at(site: Site, url: str) -> None:
    """Have the deployment believe that its Dagster is at `url`."""
    file = site.root / "deploy.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub("dagster_url: .*", f"dagster_url: {url}", text), encoding="utf-8")


def seen(url: str) -> Any:
    """What must not change: the runs of a Dagster, and when it has loaded its locations."""
    question = json.dumps({"query": SEEN}).encode()
    request = urllib.request.Request(
        f"{url}/graphql", question, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The deployment whose commands are typed."""
    site = made(tmp_path_factory.mktemp("here") / "site", "Ours")
    site.push({})
    return site


@pytest.fixture(scope="module")
def ours(here: Site) -> Iterator[str]:
    """The address of its Dagster."""
    with webserver(here.root, here.environment) as url:
        yield url


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Type a command in the directory of a deployment."""

    def say(site: Site, *arguments: str) -> tuple[int, str]:
        monkeypatch.chdir(site.root)
        monkeypatch.delenv("DAGSTER_HOME", raising=False)
        for name in ("DEPLOY_CONFIG", "DEPLOY_STATE"):
            monkeypatch.setenv(name, site.environment[name])
        code = main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return say


@pytest.fixture
def run(here: Site, ours: str, say: Say) -> str:
    """A run of this deployment, which waits for a daemon."""
    at(here, ours)
    code, said = say(here, "run", "daily")
    assert code == 0, said
    return said.split(" as run ", 1)[1].split()[0]


def test_a_run_that_nobody_takes_from_the_queue_says_so(here: Site, ours: str):
    """It waited for ever, in silence: the daemon was missing."""
    at(here, ours)
    with subprocess.Popen(
        [Path(sys.executable).parent / "deploy-project", "run", "daily", "--wait"],
        cwd=here.root,
        env=here.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell in the background hands SIGINT down as ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Nobody takes runs from the queue"):
                process.send_signal(signal.SIGINT)
    assert sum(each.startswith("Nobody takes runs from the queue") for each in said) == 1, said
    assert said[-1] == "--- Cancelled\n"
    assert process.returncode == 130


def test_the_right_one_does_what_it_is_asked_for(here: Site, ours: str, run: str, say: Say):
    before = seen(ours)["workspaceOrError"]["locationEntries"]
    assert {"runId": run, "status": "QUEUED"} in seen(ours)["runsOrError"]["results"]
    assert say(here, "cancel", run[:8])[0] == 0
    assert {"runId": run, "status": "CANCELED"} in seen(ours)["runsOrError"]["results"]
    code, said = say(here, "retry", run, "--from-start")
    assert (code, "Started prod__daily as run" in said) == (0, True), said
    code, said = say(here, "deploy", "prod")
    assert (code, f"Dagster at {ours} has loaded the definitions again." in said) == (0, True), said
    assert seen(ours)["workspaceOrError"]["locationEntries"] != before


def refused(here: Site, run: str, say: Say) -> str:
    """What is said when this deployment wants something; it is the same whatever it wants."""
    wishes = (["run", "daily"], ["retry", run, "--from-start"], ["cancel", run])
    answers = [say(here, *wish) for wish in wishes]
    assert [code for code, _ in answers] == [1, 1, 1]
    code, deployed = say(here, "deploy", "prod")
    assert code == 0, "the reload is a courtesy"
    (why,) = {said.partition(": ")[2].strip() for _, said in answers}
    assert f"Note: the definitions were not loaded again. {why}" in deployed
    return why


def test_another_deployment_with_the_same_jobs(here: Site, run: str, say: Say, tmp_path: Path):
    """A retry ran another deployment's production job, which had the same name."""
    other = made(tmp_path / "other", "Theirs")
    with webserver(other.root, other.environment) as url:
        at(here, url)
        before = seen(url)
        why = refused(here, run, say)
        assert seen(url) == before
    assert why.startswith(f"the Dagster at {url} is that of another deployment (account 'Theirs', ")
    assert f"account 'Ours', {here.root}/deploy.yaml on " in why
    assert str(other.root) in why
    assert "set `dagster_url:` in deploy.yaml" in why


def test_a_copy_of_a_deployment_does_not_run_its_jobs(
    here: Site, ours: str, run: str, say: Say, tmp_path: Path
):
    """A copy has the same configuration, the same identity in it, and the same runs before."""
    copy = copied(here, tmp_path / "copy")
    before = seen(ours)
    why = refused(copy, run, say)
    assert seen(ours) == before
    assert why.startswith(f"the Dagster at {ours} (account 'Ours', {here.root}/deploy.yaml on ")
    assert f"than this deployment (account 'Ours', {copy.root}/deploy.yaml on " in why
    assert f"whose history is that of {copy.root}/dagster.yaml; nothing was asked of it" in why


def test_a_deployment_does_not_run_jobs_of_its_copy(here: Site, run: str, say: Say, tmp_path: Path):
    copy = copied(here, tmp_path / "copy")
    with webserver(copy.root, copy.environment) as url:
        at(here, url)
        before = seen(url)
        assert f"(account 'Ours', {copy.root}/deploy.yaml on " in refused(here, run, say)
        assert seen(url) == before


def test_another_deployment_on_the_same_history(here: Site, run: str, say: Say, tmp_path: Path):
    """One `DAGSTER_HOME` for all deployments of a machine."""
    other = made(tmp_path / "other", "Theirs")
    text = (here.root / "dagster.yaml").read_text(encoding="utf-8")
    shared = text.replace("base_dir: .deploy", f"base_dir: {here.state.root}")
    (other.root / "dagster.yaml").write_text(shared, encoding="utf-8")
    with webserver(other.root, other.environment) as url:
        at(here, url)
        before = seen(url)
        assert run in str(before), "it does know the run"
        assert "is that of another deployment (account 'Theirs'" in refused(here, run, say)
        assert seen(url) == before


def test_a_machine_with_a_copy_of_the_configuration_and_the_same_history_is_this_deployment(
    here: Site, ours: str, say: Say, tmp_path: Path
):
    """Several machines, each with a state directory of its own, run one deployment."""
    at(here, ours)
    machine = Site(tmp_path)
    shutil.copy(here.root / "jobs.yml", tmp_path)
    shutil.copy(here.root / "deploy.yaml", tmp_path)
    text = (here.root / "dagster.yaml").read_text(encoding="utf-8")
    shared = text.replace("base_dir: .deploy", f"base_dir: {here.state.root}")
    (tmp_path / "dagster.yaml").write_text(shared, encoding="utf-8")
    code, said = say(machine, "run", "daily")
    assert code == 0, said


def test_an_edited_configuration_is_the_same_deployment(here: Site, ours: str, say: Say):
    """A new repository, before Dagster has loaded it: `deploy` is what has it loaded."""
    at(here, ours)
    file = here.root / "deploy.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace("{tiny: {repo", "{renamed: {repo"), encoding="utf-8")
    try:
        assert "has loaded the definitions again." in say(here, "deploy", "prod")[1]
        assert say(here, "run", "daily")[0] == 0
    finally:
        file.write_text(before, encoding="utf-8")
        assert say(here, "deploy", "prod")[0] == 0


def stock(root: Path, location: str) -> None:
    (root / "stock.py").write_text(STOCK, encoding="utf-8")
    (root / "workspace.yaml").write_text(
        f"load_from: [{{python_file: {{relative_path: stock.py, location_name: {location}}}}}]",
        encoding="utf-8",
    )


def test_a_dagster_without_our_location(here: Site, run: str, say: Say, tmp_path: Path):
    stock(tmp_path, "marketing")
    with webserver(tmp_path, here.environment | {"DAGSTER_HOME": str(tmp_path)}) as url:
        at(here, url)
        before = seen(url)
        why = refused(here, run, say)
        assert seen(url) == before
    assert why.startswith(f"the Dagster at {url} is not that of this deployment (account 'Ours', ")
    assert "has no code location 'deploy_project', its code locations: 'marketing'; " in why


def test_a_location_that_says_nothing_of_itself(here: Site, run: str, say: Say, tmp_path: Path):
    """That of an older version: nothing is started there, but it can be loaded again."""
    stock(tmp_path, "deploy_project")
    text = (here.root / "dagster.yaml").read_text(encoding="utf-8")
    shared = text.replace("base_dir: .deploy", f"base_dir: {here.state.root}")
    (tmp_path / "dagster.yaml").write_text(shared, encoding="utf-8")
    with webserver(tmp_path, here.environment) as url:
        at(here, url)
        before = seen(url)["runsOrError"]
        code, said = say(here, "run", "daily")
        assert (code, "does not say which deployment it is of" in said) == (1, True), said
        assert seen(url)["runsOrError"] == before
        assert "has loaded the definitions again." in say(here, "deploy", "prod")[1]


def test_a_location_that_is_not_loaded(here: Site, run: str, say: Say, tmp_path: Path):
    """It can be asked to load again, and its runs can be cancelled; none can be started."""
    broken = {"DEPLOY_CONFIG": str(tmp_path / "nowhere.yaml")}
    with webserver(here.root, here.environment | broken) as url:
        at(here, url)
        code, said = say(here, "run", "daily")
        assert (code, "could not load the code location 'deploy_project': " in said) == (1, True)
        assert "nowhere.yaml does not exist" in said
        assert "could not reload" in say(here, "deploy", "prod")[1]
        assert say(here, "cancel", run)[0] == 0
        assert {"runId": run, "status": "CANCELED"} in seen(url)["runsOrError"]["results"]


def test_something_that_is_no_dagster(here: Site, run: str, say: Say):
    with page() as (url, asked):
        at(here, url)
        why = refused(here, run, say)
    assert why.startswith(
        f"what answers at {url} is no Dagster webserver that is understood here: "
    )
    assert "HTTP 200, <h1>Grafana</h1>" in why
    assert not [each for each in asked if "mutation" in each]


def test_without_a_history_nobody_can_tell(here: Site, ours: str, say: Say, tmp_path: Path):
    """The machine of the command line knows where Dagster is, and not where its history is."""
    at(here, ours)
    machine = Site(tmp_path)
    shutil.copy(here.root / "jobs.yml", tmp_path)
    shutil.copy(here.root / "deploy.yaml", tmp_path)
    before = seen(ours)
    code, said = say(machine, "run", "daily")
    assert (code, "there is no dagster.yaml in " in said) == (1, True), said
    assert "Note: the definitions were not loaded again. there is" in say(machine, "deploy")[1]
    assert seen(ours) == before
