"""The commands that need a running Dagster; those that a signal ends as processes of their own."""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.cli import main
from deploy_project.runs.instance.launching import Dagster
from tests.cli.webserver import answers
from tests.support.deployments.site import ENDLESS, Site, make_site
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait

pytestmark = pytest.mark.e2e

DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
    dagster_url: URL
"""
JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build --exclude tag:bad]}
      failing: {environment: prod, execute_steps: [dbt build --select failing]}
      endless: {environment: prod, execute_steps: [dbt build --select endless]}
      weekly:
        environment: prod
        execute_steps: [dbt run --select orders, dbt build --select mended+]
"""
MODELS = {
    "models/mended.sql": "{{ config(tags='bad') }} select nothing from nowhere",
    "models/below.sql": "{{ config(tags='bad') }} select * from {{ ref('mended') }}",
    "models/failing.sql": "{{ config(tags='bad') }} select nothing from nowhere",
    "models/endless.sql": "{{ config(tags='bad') }}" + ENDLESS,
}


@dataclass(frozen=True)
class Desk:
    """A terminal in a deployment whose Dagster runs."""

    site: Site
    url: str

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [Path(sys.executable).parent / "deploy-project", *arguments],
            cwd=self.site.root,
            env=self.site.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A shell in the background hands SIGINT down as ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """The exit code and output of a command that is a process of its own."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=2 * PATIENCE)
        return process.returncode, output

    def say(self, *arguments: str) -> tuple[int, str]:
        """The same of a command in this process, which has imported Dagster already."""
        said = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            patch.chdir(self.site.root)
            patch.delenv("DAGSTER_HOME", raising=False)
            for name in ("DEPLOY_CONFIG", "DEPLOY_STATE"):
                patch.setenv(name, self.site.environment[name])
            code = main(arguments)
        return code, said.getvalue()

    def answers(self, dagster: subprocess.Popen[bytes]) -> bool:
        return answers(self.url, dagster)


def make_desk(root: Path) -> Desk:
    site = make_site(root)
    site.push(MODELS)
    shutil.copy(ROOT / "workspace.yaml", root)
    url = f"http://127.0.0.1:{free_port()}"
    site.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", url))
    return Desk(site, url)


def stop(dagster: subprocess.Popen[bytes]) -> None:
    """End `dagster dev` and all that it has started."""
    dagster.send_signal(signal.SIGINT)
    try:
        dagster.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(dagster.pid, signal.SIGKILL)
        dagster.wait()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = make_desk(tmp_path_factory.mktemp("desk"))
    code, said = desk.run("deploy")  # so that the merge sensor has nothing to do
    assert code == 0, said
    assert "Note: the definitions were not loaded again" in said
    port = desk.url.rpartition(":")[2]
    with (desk.site.root / "dagster.log").open("wb") as log:
        dagster = subprocess.Popen(
            [sys.executable, "-m", "dagster", "dev", "--port", port],
            cwd=desk.site.root,
            env=desk.site.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            wait(lambda: desk.answers(dagster), every=0.5)
            yield desk
        finally:
            stop(dagster)


def run_id(said: str) -> str:
    return said.split(" as run ", 1)[1].split()[0]


def test_deploy_has_the_definitions_loaded_again(desk: Desk):
    code, said = desk.say("deploy", "prod")
    assert code == 0
    assert f"Dagster at {desk.url} has loaded the definitions again." in said


def test_a_run_that_is_waited_for_shows_its_logs(desk: Desk):
    code, said = desk.run("run", "daily", "--wait", "--cause", "A test")
    assert code == 0, said
    lines = said.splitlines()
    assert sum(line.startswith("=== Step ") for line in lines) == 4
    assert said.count("Completed successfully") == 1
    assert lines.index("--- Running") < lines.index("--- Success")
    assert lines[-1] == "--- Success"

    run = run_id(said)
    code, listed = desk.say("runs", "--job", "daily")
    assert code == 0
    assert listed.splitlines()[1].split()[0] == run[:8]
    assert "A test" in listed

    code, logged = desk.say("logs", run[:8])
    assert code == 0
    assert [line for line in lines if line.startswith("===")] == [
        line for line in logged.splitlines() if line.startswith("===")
    ]
    code, logged = desk.say("logs", run, "--step", "4", "--debug", "--follow")
    assert code == 0
    assert logged.startswith("=== 04-dbt-build\n")


def test_a_run_that_fails_is_exit_code_1(desk: Desk):
    code, said = desk.run("run", "prod__failing", "--wait")
    assert code == 1, said
    assert said.splitlines()[-1] == "--- Error"
    assert "nowhere does not exist" in said


def test_a_failed_run_is_retried_from_its_failure_or_from_its_start(desk: Desk):
    code, said = desk.say("run", "weekly", "--wait")
    assert code == 1, said
    failed = run_id(said)
    desk.site.push({"models/mended.sql": "{{ config(tags='bad') }} select 1 as id"})

    code, said = desk.run("retry", failed[:8], "--wait")
    assert code == 0, said
    lines = said.splitlines()
    assert lines[0] == (
        f"Going on with step 5 of run {failed}: Invoke dbt with `dbt build --select mended+`"
    )
    assert f"Done by run {failed}" in lines
    begun = [line.split()[2].rstrip(":") for line in lines if line.startswith("=== Step ")]
    assert begun == ["1", "2", "3", "4", "5"]
    assert lines[lines.index(f"Done by run {failed}") - 1].startswith("=== Step 4")
    assert "2 of 2 OK created sql view model main.below" in said
    retried = run_id(said)
    with desk.site.instance() as instance:
        root, group = instance.get_run_group(failed) or ("", [])
    assert root == failed
    assert {each.run_id for each in group} == {failed, retried}, "Dagster shows them together"

    code, said = desk.say("retry", retried)
    assert code == 1
    assert said.startswith(
        f"deploy-project retry: RETRY_NOT_FAILED_RUN: run {retried} is Success; only a run that "
        "has ended with Error or Cancelled has a failure to go on from; "
        f"`deploy-project retry {retried} --from-start` runs the whole job again"
    )
    _, listed = desk.say("runs", "--job", "weekly")
    assert [line.split()[3] for line in listed.splitlines()[1:]] == ["rerun", "api"]


def test_dagsters_automatic_retries_go_on_from_the_failure(desk: Desk):
    with desk.site.instance() as instance:
        dagster = Dagster.of(desk.site.deployment, instance)
        failed = dagster.launch("prod__failing", {"dagster/max_retries": "1"})
    assert list(dagster.statuses(failed))[-1] == "Error"
    (retried,) = wait(lambda: retries_of(desk, failed), every=1)
    assert list(dagster.statuses(retried))[-1] == "Error"
    (step,) = desk.site.steps(retried).values()
    assert step["name"] == "Invoke dbt with `dbt retry`"


def retries_of(desk: Desk, run: str) -> list[str]:
    with desk.site.instance() as instance:
        wanted = dg.RunsFilter(tags={"dagster/parent_run_id": run})
        return [each.run_id for each in instance.get_runs(wanted)]


def test_a_run_of_a_job_that_dagster_does_not_have_is_told(desk: Desk):
    jobs = desk.site.root / "jobs.yml"
    before = jobs.read_text(encoding="utf-8")
    jobs.write_text(f"{before}  new: {{environment: prod}}\n", encoding="utf-8")
    try:
        code, said = desk.say("run", "new")
    finally:
        jobs.write_text(before, encoding="utf-8")
    assert code == 1
    assert "prod__new" in said
    assert "refused" in said


def test_interrupting_the_wait_cancels_the_run(desk: Desk):
    process = desk.start("run", "endless", "--wait")
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "START sql table model" in line:
            process.send_signal(signal.SIGINT)
            break
    said.append(process.communicate(timeout=2 * PATIENCE)[0])
    text = "".join(said)
    assert process.returncode == 130, text
    assert "Cancelling the run" in text
    assert text.splitlines()[-1] == "--- Cancelled"
    assert desk.site.status(run_id(text)) == "CANCELED"


def test_cancel_ends_a_run_and_leaves_one_that_has_ended_as_it_is(desk: Desk):
    code, said = desk.say("run", "endless")
    assert code == 0, said
    run = run_id(said)
    follow = desk.start("logs", run, "--follow")
    assert follow.stdout is not None
    assert any("START sql table model" in line for line in follow.stdout)
    code, said = desk.say("cancel", run[:8])
    assert (code, said.splitlines()[-1].startswith(f"Cancelling run {run} of")) == (0, True), said
    follow.communicate(timeout=2 * PATIENCE)
    assert desk.site.status(run) == "CANCELED"
    assert desk.say("cancel", run[:8]) == (0, f"Run {run} had ended before: Cancelled\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_at_once_cancels_the_run_in_the_queue(desk: Desk, number: signal.Signals):
    process = desk.start("run", "daily", "--wait")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    rest, _ = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 130, first + rest
    assert rest.splitlines()[-1] == "--- Cancelled"
