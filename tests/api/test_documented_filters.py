"""docs/api.md has every filter, order and related object of the lists that only read."""

from collections.abc import Collection

import pytest

from deploy_project.api.objects import job, run
from deploy_project.api.objects.listings import ENVIRONMENTS, PROJECTS, REPOSITORIES
from deploy_project.api.v2 import notifications, wanted_runs
from deploy_project.api.v2.jobs import JOBS
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
LISTS = {
    "`jobs/`": JOBS.listing,
    "`projects/`": PROJECTS.listing,
    "`environments/`": ENVIRONMENTS.listing,
    "`repositories/`": REPOSITORIES.listing,
    "`notifications/`": notifications.LISTING,
}
UNSAID = {"account_id"}
"""Every list takes the account that its path has."""
EMPTY = {"repo_cache_restore", "fusion_readiness"}
"""Related objects that are always null."""


def missing(names: Collection[str], text: str) -> set[str]:
    return {each for each in names if f"`{each}`" not in text} - UNSAID - EMPTY


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_the_configuration(name: str):
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    listing = LISTS[name]
    assert missing({*listing.filters, *listing.orders}, row) == set()


def test_runs():
    section = PAGE.partition("## Reading runs")[2].partition("\n## ")[0]
    assert missing({*wanted_runs.FILTERS, *wanted_runs.ORDERS}, section) == set()
    assert missing({*run.RELATED, *run.LISTED}, section) == set()


def test_related_objects_of_jobs():
    section = PAGE.partition("## Reading jobs")[2].partition("\n## ")[0]
    assert missing(job.RELATED, section) == set()
