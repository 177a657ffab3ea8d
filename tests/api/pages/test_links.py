"""dbt Cloud's links to runs and jobs, as dbt-jobs-as-code prints them, lead to Dagster's UI."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy_project.runs.model.tags import run_number
from tests.support.api.callers import Answer
from tests.support.history.past_front import PastFront, past_front

DAGSTER = "http://dagster.example:3000"
PAGES = "/deploy/7/projects/10"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[PastFront]:
    with past_front(tmp_path) as made:
        yield made


def followed(front: PastFront, path: str) -> Answer:
    return front.raw(path, token="")


@pytest.mark.parametrize("end", ["", "/"])
def test_a_run_is_shown_by_dagster(front: PastFront, end: str):
    run_id = front.history.add()
    answer = followed(front, f"{PAGES}/runs/{run_number(run_id)}{end}")
    assert (answer.status, answer.headers["location"]) == (302, f"{DAGSTER}/runs/{run_id}")


@pytest.mark.parametrize("job", [1, 404])
def test_the_runs_of_a_job_are_listed_by_dagster_also_of_one_that_there_is_not(
    front: PastFront, job: int
):
    """A browser has no token: the answer must not tell which jobs there are."""
    answer = followed(front, f"{PAGES}/jobs/{job}/")
    wanted = f"{DAGSTER}/runs?q%5B0%5D=tag%3A.dagster%2Fdeploy_job_id%3D{job}"
    assert (answer.status, answer.headers["location"]) == (302, wanted)


def test_what_is_no_run_of_this_account_is_not_found(front: PastFront):
    number = run_number(front.history.add())
    other = run_number(front.history.add("maintenance", is_ours=False))
    for path in (
        *(f"{PAGES}/runs/{number + 1}", f"{PAGES}/runs/{other}"),
        *(f"/deploy/8/projects/10/runs/{number}", "/deploy/8/projects/10/jobs/1"),
        *(f"{PAGES}/runs/{number}/x", f"{PAGES}/runs/daily", f"{PAGES}/runs/"),
    ):
        assert followed(front, path).status == 404, path
