"""`deploy-project import` from a stand-in of dbt Cloud, over real HTTP."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_project.cli import main
from deploy_project.cli.check.configuration import missing_secrets
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment, Job, Secret
from deploy_project.config.values.notifications import Email, Slack
from tests.support.deployments.cloud_site import (
    ACCOUNT,
    ENVIRONMENT,
    ENVIRONMENT_OBJECT,
    JOB,
    JOB_OBJECT,
    MASK,
    PROJECT,
    PROJECT_OBJECT,
    REPOSITORY,
    REPOSITORY_OBJECT,
    STAGING,
    TOKEN,
    CloudSite,
    cloud_site,
)
from tests.support.paths import ROOT


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudSite]:
    monkeypatch.setenv("CLOUD_TOKEN", TOKEN)
    with cloud_site(CloudSite()) as found:
        yield found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new"


def imported(site: CloudSite, target: Path) -> int:
    return main(
        [
            *("import", "--account", f"{ACCOUNT}", "--token-env", "CLOUD_TOKEN"),
            *("--url", site.url, "--directory", str(target)),
        ]
    )


def loaded(target: Path) -> Deployment:
    return load_deployment(target / "deploy.yaml", state=target / ".deploy")


def job_of(deployment: Deployment, number: int = JOB) -> Job:
    return next(job for job in deployment.jobs.values() if job.id == number)


def changed(base: Any, **change: Any) -> Any:
    return {**base, **change}


def test_the_captured_account_is_imported(site: CloudSite, target: Path):
    assert imported(site, target) == 0
    found = loaded(target)
    assert (found.account.id, found.account.name, found.account.run_slots) == (
        ACCOUNT,
        "Acme {{ corp }}",
        5,
    )
    [project] = found.projects.values()
    assert (project.name, project.id, project.repository, project.subdirectory) == (
        "jaffle_shop",
        PROJECT,
        "https://github.com/acme/jaffle-shop.git",
        "transform",
    )
    [environment] = found.environments.values()
    assert (environment.name, environment.id, environment.type, environment.branch) == (
        "production",
        ENVIRONMENT,
        "production",
        "main",
    )
    job = job_of(found)
    assert (job.identifier, job.title, job.description) == (
        "new_job",
        "New job",
        "Example Job Description",
    )
    assert job.commands == ("dbt build", "dbt seed", "dbt run")
    assert (job.cron, job.scheduled) == (("6 */12 * * 0,1,2,3,4,5,6",), True)
    assert (job.threads, job.target_name) == (4, "default")
    assert found.warnings == ()
    assert (target / "dagster.yaml").is_file()


def test_lists_are_read_to_their_end(site: CloudSite, target: Path):
    site.jobs = [changed(JOB_OBJECT, id=index, name=f"Job {index}") for index in range(1, 251)]
    assert imported(site, target) == 0
    assert {job.id for job in loaded(target).jobs.values()} == set(range(1, 251))
    assert [each for each in site.requests if "/jobs/?" in each] == [
        f"/prefix/api/v2/accounts/{ACCOUNT}/jobs/?limit=100&offset={offset}"
        for offset in (0, 100, 200)
    ]


def test_variables_keep_their_scopes_and_secrets_get_a_place_each(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str]
):
    site.variables = {
        "DBT_ENV_SECRET_TOKEN": {"project": MASK, "Production": MASK},
        "DBT_REGION": {"project": "eu {{ x }}", "Production": "us"},
        "odd": {"project": "x"},
    }
    site.job_variables = {JOB: {"DBT_REGION": "asia", "DBT_ENV_SECRET_TOKEN": MASK}}
    assert imported(site, target) == 0
    found = loaded(target)
    [project], [environment] = found.projects.values(), found.environments.values()
    assert project.variables["DBT_REGION"] == "eu {{ x }}"
    assert environment.variables["DBT_REGION"] == "us"
    assert job_of(found).variables["DBT_REGION"] == "asia"
    assert sorted(
        line.partition("environment variable ")[2].split()[0] for line in missing_secrets(found)
    ) == [
        "'DBT_ENV_SECRET_TOKEN'",
        "'DBT_ENV_SECRET_TOKEN__NEW_JOB'",
        "'DBT_ENV_SECRET_TOKEN__PRODUCTION'",
    ]
    assert "variable 'odd' of project 'jaffle_shop'" in capsys.readouterr().out


def test_names_are_no_templates_and_no_yaml(site: CloudSite, target: Path):
    """A job that somebody has called so would have read or run something where it is imported."""
    name = "{{ lipsum.__globals__ }} *a &b !!c: # [[daily]]\n- x"
    site.jobs = [
        changed(JOB_OBJECT, name=name, execute_steps=['dbt run --vars \'{"a": {"b": 1}}\''])
    ]
    site.environments = [changed(ENVIRONMENT_OBJECT, name="Prod: {% include 'x' %}")]
    assert imported(site, target) == 0
    (target / "vars.yml").write_text("x: 1")
    text = (target / "deploy.yaml").read_text(encoding="utf-8")
    (target / "deploy.yaml").write_text(f"{text}vars_files: [vars.yml]\n", encoding="utf-8")
    job = job_of(loaded(target))
    assert (job.identifier, job.written and job.written.entry["name"]) == ("daily", name)
    assert job.commands == ('dbt run --vars \'{"a": {"b": 1}}\'',)


def test_what_is_not_for_jobs_is_left_out_and_told(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str]
):
    development = changed(ENVIRONMENT_OBJECT, id=1, name="Development", type="development")
    deleted = changed(ENVIRONMENT_OBJECT, id=2, name="Old", state=2)
    site.environments = [ENVIRONMENT_OBJECT, development, deleted]
    site.jobs = [JOB_OBJECT, changed(JOB_OBJECT, id=9, environment_id=1, name="Mine")]
    assert imported(site, target) == 0
    told = capsys.readouterr().out
    assert "environment 'Development': it is for development" in told
    assert "job 9 ('Mine'): its environment is left out" in told
    assert "connections and credentials" in told
    assert [each.id for each in loaded(target).environments.values()] == [ENVIRONMENT]


@pytest.mark.parametrize(
    ("change", "told", "kept"),
    [
        ({"job_type": "adaptive"}, "jobs.new_job.job_type", True),
        ({"dbt_version": "nightly"}, "jobs.new_job.dbt_version", True),
        ({"schedule": {"cron": "0 0 31 2 *"}}, "jobs.new_job.schedule", True),
        ({"execute_steps": ["rm -rf /"]}, "jobs.new_job: ", False),
        ({"integration_id": 7, "brand_new": True}, "'brand_new' of job", True),
        ({"settings": {"threads": 0, "target_name": "x"}}, "jobs.new_job.settings.threads", True),
    ],
)
def test_what_the_loader_refuses_is_taken_out_and_told(
    site: CloudSite,
    target: Path,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    told: str,
    kept: bool,
):
    site.jobs = [changed(JOB_OBJECT, **change)]
    assert imported(site, target) == 0
    assert told in capsys.readouterr().out
    assert bool(loaded(target).jobs) is kept


def test_a_job_that_lost_its_schedule_is_not_scheduled(site: CloudSite, target: Path):
    site.jobs = [changed(JOB_OBJECT, schedule={"cron": "0 0 31 2 *"})]
    assert imported(site, target) == 0
    assert job_of(loaded(target)).scheduled is False


def test_a_job_may_defer_to_itself_and_start_after_another(site: CloudSite, target: Path):
    condition = {"condition": {"job_id": JOB, "project_id": PROJECT, "statuses": [10]}}
    site.jobs = [
        changed(JOB_OBJECT, deferring_job_definition_id=JOB),
        changed(JOB_OBJECT, id=2, name="After", job_completion_trigger_condition=condition),
    ]
    assert imported(site, target) == 0
    found = loaded(target)
    assert job_of(found).defers_to == job_of(found).name
    assert str(job_of(found, 2).completion) == f"job {job_of(found).name}"
    assert found.warnings == ()


def test_names_are_made_unlike_each_other(site: CloudSite, target: Path):
    site.projects = [PROJECT_OBJECT, changed(PROJECT_OBJECT, id=8, name="jaffle-shop")]
    site.environments = [
        ENVIRONMENT_OBJECT,
        changed(ENVIRONMENT_OBJECT, id=STAGING, project_id=8, deployment_type="staging"),
    ]
    site.jobs = [
        JOB_OBJECT,
        changed(JOB_OBJECT, id=2, name="new-job"),
        changed(JOB_OBJECT, id=3, name="A [[new_job]]"),
        changed(JOB_OBJECT, id=4, name="requested"),
    ]
    assert imported(site, target) == 0
    found = loaded(target)
    assert list(found.projects) == ["jaffle_shop", "jaffle_shop_2"]
    assert list(found.environments) == ["jaffle_shop_production", "jaffle_shop_2_production"]
    assert [job.identifier for job in found.jobs.values()] == [
        "new_job",
        "new_job_2",
        "new_job_3",
        "requested_2",
    ]


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"remote_url": "git@github.com:acme/shop.git"}, "git@github.com:acme/shop.git"),
        ({"remote_url": None}, "https://github.com/acme/jaffle-shop.git"),
        (
            {"remote_url": None, "remote_backend": "managed"},
            f"https://repository.invalid/{PROJECT}.git",
        ),
        (
            {"remote_url": "ext::sh -c evil", "remote_backend": "manual_config"},
            f"https://repository.invalid/{PROJECT}.git",
        ),
        (
            {"remote_url": "https://me:secret@example.com/x.git"},
            "https://example.com/x.git",
        ),
    ],
)
def test_the_repository_is_cloned_by_its_address(
    site: CloudSite, target: Path, change: dict[str, Any], address: str
):
    site.repositories = [changed(REPOSITORY_OBJECT, id=REPOSITORY, **change)]
    assert imported(site, target) == 0
    [project] = loaded(target).projects.values()
    assert project.repository == address


@pytest.mark.parametrize("name", ["deploy.yaml", "jobs.yml"])
def test_nothing_is_overwritten(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str], name: str
):
    target.mkdir()
    (target / name).write_text("mine")
    assert imported(site, target) == 1
    assert "are not overwritten" in capsys.readouterr().err
    assert [each.name for each in target.iterdir()] == [name]
    assert site.requests == []


def test_no_redirect_gets_the_token(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str]
):
    with cloud_site(CloudSite()) as other:
        site.redirect = f"{other.url}/api/v3/accounts/{ACCOUNT}/projects/"
        assert imported(site, target) == 1
        assert other.requests == []
    told = capsys.readouterr().err
    assert "which does not get the token" in told
    assert TOKEN not in told
    assert not target.exists()


def test_it_waits_when_it_is_told_to(site: CloudSite, target: Path):
    site.refused = 3
    assert imported(site, target) == 0


def test_a_token_that_may_not_is_told(
    site: CloudSite,
    target: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("CLOUD_TOKEN", "another")
    assert imported(site, target) == 1
    assert "does not let this token read account" in capsys.readouterr().err
    monkeypatch.delenv("CLOUD_TOKEN")
    assert imported(site, target) == 1
    assert "'CLOUD_TOKEN' is not set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("ftp://cloud.getdbt.com", "is no address"),
        ("https://user:pw@cloud.getdbt.com", "is no address"),
        ("http://cloud.getdbt.com", "unencrypted"),
        ("http://127.0.0.1:9", "can't be reached"),
    ],
)
def test_other_addresses_are_told(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str], url: str, what: str
):
    site.url = url
    assert imported(site, target) == 1
    told = capsys.readouterr().err
    assert what in told
    assert "pw@" not in told


@pytest.mark.parametrize(
    "data", [{"projects": "x"}, {"jobs": [{"id": "x"}]}, {"account": []}, {"jobs": [5]}]
)
def test_other_answers_are_told(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str], data: dict[str, Any]
):
    for name, value in data.items():
        setattr(site, name, value)
    assert imported(site, target) == 1
    assert "check --url" in capsys.readouterr().err
    assert not target.exists()


def test_notifications_become_channels_and_rules(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str]
):
    plain = {
        "id": 1,
        "account_id": ACCOUNT,
        "user_id": 9,
        "type": 4,
        "state": 1,
        "on_cancel": [],
        "on_failure": [JOB],
        "on_success": [],
        "on_warning": [JOB, 5],
        "external_email": "on-call@example.com",
        "slack_channel_id": None,
        "user": {"id": 9, "email": "ana@example.com"},
    }
    site.jobs = [JOB_OBJECT, changed(JOB_OBJECT, id=5, name="Other")]
    site.notifications = [
        plain,
        changed(plain, id=2, type=1, external_email=None, on_cancel=[JOB], on_warning=None),
        changed(plain, id=3, type=2, external_email=None, slack_channel_id="C0123456789"),
        changed(plain, id=4, on_failure=[], on_warning=[], on_success=[5]),
        changed(plain, id=5, type=3),
        changed(plain, id=6, state=2),
        changed(plain, id=7, on_failure=[99], on_warning=[]),
        changed(plain, id=8, external_email="a@b.example\r\nBcc: c@d.example"),
    ]
    assert imported(site, target) == 0
    found = loaded(target)
    recipients = [
        each.medium.recipients if isinstance(each.medium, Email) else each.medium
        for each in found.channels.values()
    ]
    assert [*found.channels] == ["mail", "mail_2", "slack"]
    assert recipients == [
        ("on-call@example.com",),
        ("ana@example.com",),
        Slack(token=Secret(env="SLACK_TOKEN"), channel="C0123456789"),
    ]
    both, warns = {"failure", "warning"}, {"warning"}
    assert [(each.on, each.jobs, each.channels) for each in found.notifications] == [
        (both, ("new_job",), ("mail",)),
        (warns, ("other",), ("mail",)),
        ({"failure", "cancelled"}, ("new_job",), ("mail_2",)),
        (both, ("new_job",), ("slack",)),
        (warns, ("other",), ("slack",)),
        ({"success"}, ("other",), ("mail",)),
    ]
    assert {(each.repeat, each.pull_requests) for each in found.notifications} == {
        ("always", "include")
    }
    out = capsys.readouterr().out
    for words in (
        *("write `host`, `from` and a login in place of smtp.invalid", "bot of your own into"),
        *("notification 5: it has no address", "notification 8: it has no address"),
        "notification 7: it tells of no job that is taken",
    ):
        assert words in out
    assert "\nBcc" not in (target / "deploy.yaml").read_text(encoding="utf-8")


def test_notifications_that_the_token_may_not_read_hold_up_nothing(
    site: CloudSite, target: Path, capsys: pytest.CaptureFixture[str]
):
    site.notifications = None
    assert imported(site, target) == 0
    assert loaded(target).notifications == ()
    assert "answers HTTP 403 to 'notifications/'" in capsys.readouterr().out


def test_all_triggers_are_turned_off_and_on_as_told(site: CloudSite, target: Path):
    """By the two lines of docs/moving-from-dbt-cloud.md, so that nothing runs here and there."""
    page = (ROOT / "docs" / "moving-from-dbt-cloud.md").read_text(encoding="utf-8")
    off, on = re.findall(r"sed -i[^`\n]* jobs\.yml", page)
    wanted = {"schedule": True, "on_merge": True, "github_webhook": True}
    site.jobs = [changed(JOB_OBJECT, triggers=wanted)]
    assert imported(site, target) == 0
    before = job_of(loaded(target))
    assert (before.scheduled, before.on_merge, before.on_pull_request) == (True, True, True)
    subprocess.run(["sh", "-c", off], cwd=target, check=True)
    job = job_of(loaded(target))
    assert (job.scheduled, job.on_merge, job.on_pull_request) == (False, False, False)
    subprocess.run(["sh", "-c", on], cwd=target, check=True)
    assert job_of(loaded(target)) == before
