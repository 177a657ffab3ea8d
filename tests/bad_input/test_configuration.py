"""Configuration that is wrong: `check` and the code location say the same, and nothing changes."""

from pathlib import Path

import pytest

from deploy_project.ci.pulls.plan import Handled, plan
from deploy_project.cli import main
from deploy_project.git.pulls import PullRequest
from tests.bad_input.code_location import loaded, validated
from tests.bad_input.deployed import DEPLOY, JOBS, WHOLE, Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow

MANY_DEPLOY = """
    account: {run_slots: 7}
    projects:
      tiny: {repository: REMOTE, branhc: main, token: {env: GIT_TOKEN}}
    environments:
      prod: {type: production, threads: many}
      live: {type: production, id: 7}
      test: {id: 7, tag: v1, branch: main, pass_variables: [DBT_HOST, GIT_TOKEN]}
    jobs: [jobs.yml, more.yml]
"""
MANY_JOBS = """
    jobs:
      daily:
        environment: prd
        execute_steps: [dbt build]
        schedule: {cron: 0 25 * * *, timezone: Europe/Berln}
      empty: {environment: prod, execute_steps: []}
      shell: {environment: prod, execute_steps: [echo hello], typo: 1}
      chain: {environment: prod, execute_steps: [dbt run && dbt test]}
      none: {environment: prod, job_completion_trigger_condition: {any: [{statuses: [10]}]}}
      id: {environment: prod, job_completion_trigger_condition: {condition: {job_id: 9}}}
      nobody: {environment: prod, job_completion_trigger_condition: {all: [{job: nothing}]}}
      self: {environment: prod, job_completion_trigger_condition: {any: [{job: self}]}}
      path: {environment: prod, settings: {target_name: ../x}, execute_steps: [dbt build]}
"""
MANY_PLACES = """
    deploy.yaml:2: account.run_slots
    deploy.yaml:4: projects.tiny.branhc
    deploy.yaml:6: environments.prod.threads
    deploy.yaml:7: environments.live.type
    deploy.yaml:8: environments.test.id
    deploy.yaml:8: environments.test.pass_variables.0
    deploy.yaml:8: environments.test.pass_variables.1
    deploy.yaml:8: environments.test.tag
    jobs.yml:4: jobs.daily.environment
    jobs.yml:6: jobs.daily.schedule.cron
    jobs.yml:6: jobs.daily.schedule.timezone
    jobs.yml:7: jobs.empty.execute_steps
    jobs.yml:8: jobs.shell.execute_steps.0
    jobs.yml:8: jobs.shell.typo
    jobs.yml:9: jobs.chain.execute_steps.0
    jobs.yml:10: jobs.none.job_completion_trigger_condition.any.0
    jobs.yml:11: jobs.id.job_completion_trigger_condition.condition.job_id
    jobs.yml:12: jobs.nobody.job_completion_trigger_condition.all.0.job
    jobs.yml:13: jobs.self.job_completion_trigger_condition
    jobs.yml:14: jobs.path.settings.target_name
    more.yml:3: (file)
"""

OFF_JOBS = """
    jobs:
      daily: {environment: prod, execute_steps: [dbt build]}
      id: {environment: prod, job_completion_trigger_condition: {condition: {job_id: 9}}}
      any: {environment: prod, job_completion_trigger_condition: {any: [{job: x}, {job: id}]}}
      job: {environment: prod, deferring_job: nobody}
      where: {environment: prod, deferring_environment_id: 9}
      place: {environment: prod, deferring_environment: nowhere}
      checks: {environment: prod, job_type: ci, deferring_job_definition_id: 9}
      slip: {environment: prod, execute_steps: [dbt buid]}
      word: {environment: prod, execute_steps: [dbt frobnicate]}
      group: {environment: prod, execute_steps: [dbt docs]}
      serve: {environment: prod, execute_steps: [dbt build, dbt docs serve]}
      init: {environment: prod, execute_steps: [dbt init]}
      cloud: {environment: prod, execute_steps: [dbt sl validate]}
"""
OFF = {
    4: "the completion trigger is off",
    5: "this parent of the completion trigger is off",
    **dict.fromkeys((6, 7, 8, 9), "the deferral is off"),
    **dict.fromkeys((10, 11, 12, 13, 14, 15), "the job is off"),
}


def checked(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what `deploy-project check` says is wrong."""
    assert main(["check"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said.removeprefix("deploy-project check: ").strip().splitlines()


def test_all_problems_of_all_files_are_told_at_once(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], met: Met
):
    kept = deployed.kept()
    deployed.configure(deploy=MANY_DEPLOY, jobs=MANY_JOBS)
    (deployed.root / "more.yml").write_text("jobs:\n  x: [\n", encoding="utf-8")
    told = [line.replace(f"{deployed.root}/", "") for line in checked(capsys)]
    places = [line.strip() for line in MANY_PLACES.strip().splitlines()]
    assert [": ".join(line.split(": ")[:2]) for line in told] == places
    for line in told:
        met(line)
    said = validated(deployed).replace(f"{deployed.root}/", "")
    assert "ConfigError: " + "\n".join(told) in said
    assert said.index(told[-1]) < said.index("Stack Trace"), "the message comes first"
    deployed.configure(deploy=DEPLOY, jobs=JOBS)
    assert (deployed.kept(), deployed.outline()) == (kept, WHOLE)


def test_a_configuration_that_is_not_there(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    met: Met,
):
    with deployed.unchanged():
        monkeypatch.setenv("DEPLOY_CONFIG", str(deployed.root / "nowhere.yaml"))
        (told,) = checked(capsys)
        assert loaded(monkeypatch) == [told]
    assert f"{deployed.root}/nowhere.yaml" in told
    met(told)


def test_artifacts_whose_driver_is_not_installed(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    met: Met,
):
    kept = deployed.kept()
    deployed.configure(deploy=DEPLOY + "    artifacts: oss://bucket/dbt\n", jobs=JOBS)
    (told,) = checked(capsys)
    assert loaded(monkeypatch) == [told]
    met(told)
    assert deployed.kept() == kept


def test_a_state_directory_that_cannot_be_made(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, met: Met
):
    (deployed.root / "file").touch()
    with deployed.unchanged():
        monkeypatch.setenv("DEPLOY_STATE", str(deployed.root / "file" / "state"))
        (told,) = loaded(monkeypatch)
    assert f"{deployed.root}/file/state" in told
    met(told)


def test_secrets_that_are_not_there(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    met: Met,
):
    """The location loads all the same: the jobs that need no secret must run."""
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    variables = "{DBT_ENV_SECRET_A: {env: NOT_SET_ANYWHERE}, DBT_ENV_SECRET_B: {file: no/file}}"
    deployed.reconfigure("{type: production,", f"{{variables: {variables}, type: production,")
    with deployed.unchanged():
        count, *told = checked(capsys)
        assert count == "2 problems"
        assert [line.split(": ")[1] for line in told] == [
            "environments.prod.variables.DBT_ENV_SECRET_A",
            "environments.prod.variables.DBT_ENV_SECRET_B",
        ]
        for line in told:
            met(line)
        for secret in ("A", "B"):
            monkeypatch.setenv("NOT_SET_ANYWHERE", "" if secret == "A" else "set-now")
            ended = deployed.attempt("prod__daily")
            assert ended.step == "create_profile"
            assert ended.message == ended.recorded
            assert f"environment 'prod': DBT_ENV_SECRET_{secret}: " in ended.message
            assert "set-now" not in ended.message
            met(ended.message)
        ticked = deployed.tick()
        assert ticked.said.splitlines()[-1].startswith("environment 'prod' was not deployed: ")
        assert "Deployed" in ticked.said, "the other environment is deployed"


GENERATED = {"prod__ci_sweep", "prod__requested", "staging__requested"}


def test_mistakes_that_turn_one_thing_off(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], met: Met
):
    """Some of these kept everything from loading, and others were told by nobody."""
    kept = deployed.kept()
    deployed.configure(deploy=DEPLOY, jobs=OFF_JOBS)
    assert main(["check"]) == 0
    printed = capsys.readouterr().out.replace(f"{deployed.root}/", "")
    warnings = [line for line in printed.splitlines() if line.startswith("Warning: ")]
    for line, (number, effect) in zip(warnings, OFF.items(), strict=True):
        assert line.startswith(f"Warning: jobs.yml:{number}: ")
        assert f", so {effect}; " in line
        met(line.removeprefix("Warning: "))
    assert printed.endswith("No problems, 12 warnings.\n")
    log = validated(deployed, loads=True).replace(f"{deployed.root}/", "").splitlines()
    logged = [line.partition("WARNING - ")[2] for line in log if "WARNING - jobs.yml:" in line]
    assert logged == [line.removeprefix("Warning: ") for line in warnings]
    names = {line.strip().split(":")[0] for line in OFF_JOBS.splitlines()[2:]}
    assert set(deployed.outline()["jobs"]) - GENERATED == {f"prod__{n}" for n in names}
    off = deployed.attempt("prod__slip")
    assert (off.success, off.step, off.recorded) == (False, "clone_git_repository", off.message)
    met(off.message)
    assert main(["run", "slip"]) == 1
    (said,) = (line for line in capsys.readouterr().err.splitlines() if "project run: " in line)
    met(said.removeprefix("deploy-project run: "))
    refused = deployed.attempt("prod__checks", {"deploy/pull_request": "7"})
    assert refused.step == "dbt_build"
    met(refused.message)
    slip, pull = deployed.deployment.jobs["prod__slip"], PullRequest(7, "a" * 40, base="main")
    made = plan([pull], [slip], {slip.name: Handled()}, branches={"prod": "main"})
    met(made.refusals[0].reason)
    assert deployed.kept() == kept


def test_an_id_of_no_job_where_all_jobs_have_ids(
    deployed: Deployed, capsys: pytest.CaptureFixture[str], met: Met
):
    keys = "environment: prod, id: 5, deferring_job_definition_id: 9"
    deployed.configure(deploy=DEPLOY, jobs=f"jobs: {{daily: {{{keys}}}}}")
    assert main(["check"]) == 0
    (line,) = (each for each in capsys.readouterr().out.splitlines() if each.startswith("Warn"))
    met(line.removeprefix("Warning: "))


@pytest.mark.parametrize(
    ("written", "source"),
    [
        ("naming", ""),
        ("nowhere:Naming", ""),
        ("naming:Naming", "import nowhere_to_be_found"),
        ("naming:Naming", "Other = 1"),
        ("naming:Naming", "class Naming: pass"),
        (
            "naming:Naming",
            "from dagster_dbt import DagsterDbtTranslator\n"
            "class Naming(DagsterDbtTranslator):\n"
            "    def __init__(self, given): pass",
        ),
    ],
    ids=["no class", "no module", "no import", "no such name", "no subclass", "arguments"],
)
def test_a_translator_that_cannot_be_had(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    met: Met,
    written: str,
    source: str,
):
    """A class that can't be imported hides the models, and keeps nothing from running."""
    kept = deployed.kept()
    if source:
        (deployed.root / "naming.py").write_text(source, encoding="utf-8")
    else:
        (deployed.root / "naming.py").touch()
    deployed.reconfigure("REMOTE}", f'REMOTE, translator: "{written}"}}')
    *_, told = checked(capsys)
    assert ": projects.tiny.translator: " in told
    met(told)
    if not source:
        assert loaded(monkeypatch) == [told]
        return
    description = deployed.description("prod/not_shown")
    assert told in description
    assert deployed.outline()["jobs"] == WHOLE["jobs"]
    assert deployed.kept() == kept


def test_a_variable_that_dbt_does_not_get(
    deployed: Deployed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    met: Met,
):
    """`check` tells beforehand what a run says, and its line cures both."""
    monkeypatch.setenv("SHOP_FILE", f"{deployed.state.root}/warehouse.duckdb")
    connection = "connection: {type: duckdb, path: \"{{ env_var('SHOP_FILE') }}\"}"
    deployed.reconfigure("target: prod", connection)
    with deployed.unchanged():
        count, told = checked(capsys)
        assert count == "1 problem"
        met(told)
        ended = deployed.attempt("prod__daily")
        met(ended.message)
        assert "wants the environment variable 'SHOP_FILE', which is not set" in ended.message
    _, _, line = told.removesuffix("`").partition("add `")
    assert line == "pass_variables: [SHOP_FILE]"
    deployed.reconfigure("target: prod", f"{line}, {connection}")
    assert main(["check"]) == 0
    assert deployed.attempt("prod__daily").success
