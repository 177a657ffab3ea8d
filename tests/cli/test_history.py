from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from deploy_project.errors import ConfigError
from deploy_project.runs.instance import history
from deploy_project.runs.model import tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted
from tests.support.deployments.dagster_jobs import ORIGIN


@pytest.mark.parametrize("status", dg.DagsterRunStatus)
def test_every_status_of_dagster_has_a_word_that_finds_it(
    status: dg.DagsterRunStatus, tmp_path: Path
):
    with dg.DagsterInstance.ephemeral(str(tmp_path)) as instance:
        made = {tags.JOB: "daily"}
        run = instance.add_run(
            dg.DagsterRun("daily", status=status, tags=made, remote_job_origin=ORIGIN)
        )
        found = Runs(instance).newest(Wanted(jobs={"daily"}, statuses={Status.of(status)}))
    assert found is not None
    assert found.id == run.run_id


def test_what_has_ended_is_what_dagster_says_has_ended():
    finished = {"SUCCESS", "FAILURE", "CANCELED"}
    said = {each.value for each in dg.DagsterRunStatus if Status.of(each).has_ended}
    assert said == finished


@dg.op(config_schema={"fails": bool})
def work(context: dg.OpExecutionContext) -> None:
    if context.op_config["fails"]:
        raise ValueError


@dg.job
def prod__daily() -> None:
    work()


@dg.job
def not_ours() -> None:
    work()


def execute(
    instance: dg.DagsterInstance, job: dg.JobDefinition, *, fails: bool = False, **more: str
) -> str:
    own = {tags.JOB: job.name} if job is prod__daily else {}
    own |= tags.of_code(more.pop("commit"), None, of_pull_request=False) if "commit" in more else {}
    done = job.execute_in_process(
        {"ops": {"work": {"config": {"fails": fails}}}},
        instance=instance,
        tags={**own, **{f"deploy/{name}": value for name, value in more.items()}},
        raise_on_error=False,
    )
    return done.run_id


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def runs(instance: dg.DagsterInstance) -> list[str]:
    """Three runs, of which the second has nothing to do with this package; the last one failed."""
    return [
        execute(instance, prod__daily, commit="a" * 40, branch="main", cause="First"),
        execute(instance, not_ours),
        execute(instance, prod__daily, fails=True, trigger="merge", cause="Second"),
    ]


def test_the_latest_runs_are_those_of_deployment_jobs(
    instance: dg.DagsterInstance, runs: list[str]
):
    found = Runs(instance).page().runs
    assert [each.id for each in found] == [runs[2], runs[0]]
    failed, first = found
    assert (first.job, first.status, first.commit, first.branch) == (
        *("prod__daily", "Success", "a" * 40, "main"),
    )
    assert (first.trigger.category, first.trigger.cause) == ("api", "First")
    assert (failed.status, failed.trigger.category, failed.commit) == ("Error", "merge", "")
    assert first.seconds is not None
    assert 0 <= first.seconds < 60


def test_the_latest_runs_of_one_status_job_and_commit(
    instance: dg.DagsterInstance, runs: list[str]
):
    def ids(**wanted: Any) -> list[str]:
        return [each.id for each in Runs(instance).page(Wanted(**wanted)).runs]

    assert ids(statuses={Status.ERROR}) == [runs[2]]
    assert ids(statuses={Status.CANCELLED}) == []
    assert ids(jobs={"prod__daily"}) == [runs[2], runs[0]]
    assert ids(jobs={"prod__weekly"}) == []
    assert ids(jobs={"not_ours"}) == [runs[1]]
    assert ids(commit="a" * 40) == ids(commit="a" * 40, jobs={"prod__daily"}) == [runs[0]]
    assert ids(commit="b" * 40) == []
    assert [each.id for each in Runs(instance).page(limit=1).runs] == [runs[2]]


def test_an_instance_without_a_deployment_run_has_none():
    with dg.DagsterInstance.ephemeral() as empty:
        execute(empty, not_ours)
        assert Runs(empty).page().runs == []


def test_any_run_is_found(instance: dg.DagsterInstance, runs: list[str]):
    found = Runs(instance).find(runs[1][:13])
    assert (found.job, found.is_ours) == ("not_ours", False)
    assert Runs(instance).find(str(tags.run_number(runs[0]))).id == runs[0]


def test_a_directory_without_dagster_yaml_has_no_history(here: Path):
    with pytest.raises(ConfigError, match=r"there is no dagster\.yaml in"), history.opened():
        pass


def test_the_history_is_that_of_dagster_home(here: Path, monkeypatch: pytest.MonkeyPatch):
    home = here / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with history.opened() as instance:
        execute(instance, prod__daily)
    with history.opened() as instance:
        assert Runs(instance).page().total == 1


@pytest.mark.parametrize(
    "storage", ["{nonsense: 1}", "{postgres: {postgres_url: 'nonsense://localhost/history'}}"]
)
def test_a_dagster_yaml_that_dagster_refuses_is_told(here: Path, storage: str):
    """A driver that is not installed, as Postgres' is by default, ended in a traceback."""
    (here / "dagster.yaml").write_text(f"storage: {storage}", encoding="utf-8")
    with pytest.raises(ConfigError, match="Dagster's instance can't be opened"), history.opened():
        pass
