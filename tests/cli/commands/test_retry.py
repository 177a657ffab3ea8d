"""What `deploy-project retry` says beforehand, and the tags of the run that it starts."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import pytest

from deploy_project.cli.commands.retry import outlook
from deploy_project.errors import ConfigError, LaunchError
from deploy_project.runs.model import tags
from deploy_project.runs.requests.retries import retry
from deploy_project.runs.retry.remaining_nodes import selected_words
from tests.support.history.retries import FAILED


def test_what_a_retry_will_do_is_said_beforehand():
    assert outlook(replace(FAILED, latest="newer")).splitlines() == [
        "Going on with step 6 of run r: Invoke dbt with `dbt build`",
        "  then step 7: Invoke dbt with `dbt test`",
        "  then step 8: Invoke dbt with `dbt docs generate`",
        "Note: run r is not the latest one of its job, newer is; look at that one first: what it "
        "has built is built again",
    ]


def test_a_run_that_was_killed_is_refused():
    with pytest.raises(LaunchError, match=r"^RETRY_NO_RUN_RESULTS: `dbt build` of run r has left"):
        outlook(replace(FAILED, has_results=False))


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def of(instance: dg.DagsterInstance, **given: str) -> str:
    """A run with these tags of ours, and some of Dagster's."""

    @dg.job
    def prod__daily() -> None: ...

    own = {f"deploy/{name}": value for name, value in given.items()}
    system = {"dagster/schedule_name": "nightly", "team": "core"}
    return prod__daily.execute_in_process(instance=instance, tags={**own, **system}).run_id


def test_a_retry_has_the_tags_of_its_run_but_not_of_its_commit_and_cause(
    instance: dg.DagsterInstance,
):
    run = of(instance, job="prod__daily", commit="abc", branch="main", cause="why", run_id="7")
    common = {
        tags.JOB: "prod__daily",
        "team": "core",
        "dagster/parent_run_id": run,
        tags.TRIGGER: "rerun",
        "dagster/root_run_id": run,
        ".dagster/deploy_repeats": run,
    }
    assert retry(instance, run, from_start=True).tags == common
    assert retry(instance, run, select=["a+", "tag:x y"]).tags == {
        **common,
        tags.RESUMED_RUN: run,
        tags.RETRY_SELECT: "a+ 'tag:x y'",
    }
    assert retry(instance, run, same_commit=True).tags == {
        **common,
        tags.RESUMED_RUN: run,
        "deploy/commit": "abc",
        tags.FULL_COMMIT: "abc",
        "deploy/branch": "main",
        tags.SAME_COMMIT: "true",
    }


def test_a_retry_of_a_pull_request_stays_on_its_commit(instance: dg.DagsterInstance):
    run = of(instance, pull_request="7", commit="abc", retry_select="old")
    found = retry(instance, run).tags
    assert (found["deploy/commit"], found["deploy/pull_request"]) == ("abc", "7")
    assert tags.RETRY_SELECT not in found


def test_a_run_without_a_commit_has_none_to_stay_on(instance: dg.DagsterInstance):
    with pytest.raises(LaunchError, match="ended before it had a commit; leave `--same-commit`"):
        retry(instance, of(instance), same_commit=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [("orders", ["orders"]), ("orders+ 'tag:a b'", ["orders+", "tag:a b"]), ("1+a,b", ["1+a,b"])],
)
def test_a_selection_is_split_into_words(text: str, words: list[str]):
    assert selected_words(text) == words


@pytest.mark.parametrize("text", ["", " ", "a --profiles-dir /x", "-s", "'a"])
def test_a_selection_can_smuggle_no_option(text: str):
    with pytest.raises(ConfigError, match="--select"):
        selected_words(text)
