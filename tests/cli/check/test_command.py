from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.state import StateDirectory
from deploy_project.example.remote import make_remote
from tests.cli.configure import Configure
from tests.support.deployments.site import make_site

DEPLOY = """
    projects: {shop: {repository: REMOTE}}
    environments:
      prod: {type: production, branch: main, target: prod}
      next: {branch: nowhere}
"""
CONNECTION = "branch: main, connection: {type: duckdb, path: a.duckdb}"
JOBS = """
    jobs:
      nightly:
        environment: prod
        triggers: {schedule: true}
        schedule: {cron: ["0 6 * * *", "0 18 * * *"], timezone: Europe/Berlin}
      paused:
        environment: prod
        triggers: {schedule: false, on_merge: true}
        schedule: {cron: "0 6 * * *"}
      by_hand: {environment: prod}
      after:
        environment: prod
        job_completion_trigger_condition:
          all: [{job: nightly}, {location: ingest, job: load}, {asset: raw/orders}]
"""


def test_check_shows_the_jobs_with_what_starts_them(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY, JOBS)
    assert main(["check"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "prod__nightly scheduled schedule 0 6 * * * | 0 18 * * * (Europe/Berlin)" in lines
    assert "prod__paused scheduled merge 0 6 * * * (UTC, off)" in lines
    assert "prod__by_hand scheduled by hand" in lines
    after = "after job prod__nightly and job load of ingest and asset raw/orders"
    assert f"prod__after scheduled {after}" in lines


def test_check_names_the_jobs_that_were_made_over_the_api(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    here = configure(DEPLOY, JOBS)
    assert main(["check"]) == 0
    assert "Made over the API" not in capsys.readouterr().out
    file = StateDirectory(here / ".deploy").api_jobs
    file.parent.mkdir(parents=True)
    entry = "{environment: prod, execute_steps: [dbt build]}"
    file.write_text(f"jobs: {{adhoc: {entry}, other: {entry}}}")
    assert main(["check"]) == 0
    assert f"Made over the API, and kept in {file}: adhoc, other." in capsys.readouterr().out


def test_check_reports_every_secret_that_is_missing(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    secrets = "variables: {DBT_A: {env: NOT_SET_A}, DBT_B: {file: none}}"
    configure(DEPLOY.replace("target: prod", secrets), JOBS)
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "2 problems" in told
    assert "'NOT_SET_A' is not set" in told
    assert "none' can't be read" in told


@pytest.mark.slow
def test_check_online_asks_for_every_branch(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    remote = make_remote(StateDirectory(tmp_path / "remote"))
    configure(DEPLOY.replace("REMOTE", str(remote)), JOBS)
    assert main(["check", "--online"]) == 1
    printed = capsys.readouterr()
    assert "prod: main is at " in printed.out
    assert "environments.next: branch 'nowhere' does not exist" in printed.err


def test_check_online_reports_a_remote_that_is_not_there(
    configure: Configure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY.replace("REMOTE", str(tmp_path / "none.git")), JOBS)
    assert main(["check", "--online"]) == 1
    assert "environments.prod: project 'shop'" in capsys.readouterr().err


def test_check_tells_what_is_off_and_finds_no_problem_in_it(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    """An export without ids was refused, and an unknown subcommand passed without a word."""
    here = configure(
        DEPLOY,
        """
        jobs:
          daily: {environment: prod, deferring_job_definition_id: 31}
          slip: {environment: prod, execute_steps: [dbt buid], triggers: {on_merge: true}}
        """,
    )
    assert main(["check"]) == 0
    printed = capsys.readouterr()
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert "prod__slip scheduled off" in lines
    first, second = (line for line in lines if line.startswith("Warning: "))
    assert first.startswith(
        f"Warning: {here}/jobs.yml:3: jobs.daily.deferring_job_definition_id: is the id of no job, "
        "found 31, so the deferral is off; export the jobs with their ids (`dbt-jobs-as-code "
        "import-jobs --include-linked-id`), "
    )
    assert second == (
        f"Warning: {here}/jobs.yml:4: jobs.slip.execute_steps.0: is no subcommand of `dbt`, found "
        "'buid', so the job is off; did you mean `dbt build`?"
    )
    assert lines[-1] == "No problems, 2 warnings."
    assert printed.err == ""


def test_a_job_that_is_off_is_not_started(configure: Configure, capsys: pytest.CaptureFixture[str]):
    configure(DEPLOY, "jobs: {slip: {environment: prod, execute_steps: [dbt init]}}")
    assert main(["run", "slip"]) == 1
    assert capsys.readouterr().err == (
        "deploy-project run: no run of job 'slip' was started. The job is off: "
        "jobs.slip.execute_steps.0: makes a new project, and asks a person how, "
        "found 'dbt init'; take the step out\n"
    )


PROJECT = {"dbt_project.yml": "name: tiny\nprofile: tiny\n"}
PROFILES = "tiny: {target: dev, outputs: {dev: {type: duckdb}}}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (PROJECT, "profiles.yml does not exist; environment 'prod' needs `connection:` or "),
        (
            {**PROJECT, "profiles.yml": PROFILES},
            "profiles.yml has no target 'prod' in profile 'tiny'; it has: dev; set `target:` ",
        ),
        (
            {**PROJECT, "profiles.yml": PROFILES.replace("tiny", "shop")},
            "profiles.yml has no profile 'tiny', which dbt_project.yml names; it has: shop",
        ),
        ({**PROJECT, "profiles.yml": "tiny: {"}, "profiles.yml is not valid YAML: "),
        ({"dbt_project.yml": "name: tiny"}, "dbt_project.yml: profile: found None; name the "),
        ({"readme.md": "Nothing"}, "there is no dbt_project.yml in the root of commit "),
    ],
    ids=["no profiles.yml", "target", "profile", "YAML", "no profile", "no dbt project"],
)
def test_check_online_tells_what_a_run_could_not_connect_by(
    tmp_path: Path,
    files: dict[str, str],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """It said "No problems." of a project without a profile."""
    site = make_site(tmp_path, files)
    site.configure(jobs="", deploy=DEPLOY.replace("branch: nowhere", CONNECTION))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--online"]) == 1
    printed = capsys.readouterr()
    assert "prod: main is at " in printed.out
    told = [line for line in printed.err.splitlines() if line.startswith("environments.prod: ")]
    assert len(told) == 1
    assert told[0].startswith(f"environments.prod: {problem}"), "no path of this one look"
    has_name = files.get("dbt_project.yml", "").endswith("profile: tiny\n")
    connects = "next: profile 'tiny', target 'next', adapter duckdb" in printed.out
    assert connects is has_name, "its connection needs no profiles.yml"


@pytest.mark.slow
def test_check_online_tells_of_every_environment_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    site = make_site(tmp_path, {**PROJECT, "profiles.yml": PROFILES})
    elsewhere = "branch: main, profiles_directory: elsewhere"
    site.configure(jobs="", deploy=DEPLOY.replace("branch: nowhere", elsewhere))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--online"]) == 1
    count, prod, other = capsys.readouterr().err.splitlines()
    assert count == "deploy-project check: 2 problems"
    assert "has no target 'prod' in profile 'tiny'" in prod
    assert "elsewhere/profiles.yml does not exist" in other
