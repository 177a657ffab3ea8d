"""Released clients of dbt Cloud, and what else calls its API, against a front that runs."""

from collections.abc import Iterator

import pytest

from tests.clients.client import CLIENTS
from tests.clients.deployment import CHECKS, Running, running
from tests.clients.running import row

pytestmark = pytest.mark.e2e

# dagster-dbt's sensor asks for all runs of its last minute, and bears no other job's nodes.
IN_CI = ("dagster_dbt", "curl")
"""`make clients` runs the others, too; dbt-jobs-as-code has a test of its own in tests/clients."""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("clients")) as started:
        yield started


@pytest.mark.parametrize("name", IN_CI)
def test_a_client_does_all_that_it_can(deployment: Running, name: str):
    (client,) = [each for each in CLIENTS if each.name == name]
    found = row(client, deployment)
    log = deployment.site.root / f"client-{name}.log"
    assert not found.failures, log.read_text(encoding="utf-8")


def test_artifacts_are_found_by_commit_and_by_pull_request(deployment: Running):
    """Datafold and others look for the run of a pull request among all runs, then for its files."""
    front, site = deployment.plain, deployment.site
    commit = site.git("rev-parse", "HEAD")
    asked = front.trigger(CHECKS, git_sha=commit, github_pull_request_id=41)
    done = front.ended(asked["id"])
    assert done["status"] == 10, done
    status, answer = front.call("GET", "runs/?include_related=trigger&order_by=-created_at")
    assert status == 200, answer
    runs = [each for each in answer["data"] if each["trigger"]["github_pull_request_id"] == 41]
    assert [each["id"] for each in runs] == [asked["id"]]
    assert (runs[0]["trigger"]["git_sha"], runs[0]["git_sha"]) == (commit, commit)
    status, manifest = front.call("GET", f"runs/{asked['id']}/artifacts/manifest.json")
    assert (status, "model.tiny.orders" in manifest["nodes"]) == (200, True)
