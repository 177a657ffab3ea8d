"""Imports from dbt Cloud that can't be, and jobs of the API that clash with those in git."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy_project.cli import main
from tests.support.deployments.cloud_site import ACCOUNT, TOKEN, CloudSite, cloud_site
from tests.support.deployments.configuration_files import Configuration
from tests.support.documented_messages import Met

URLS = {
    "no address": "cloud.getdbt.com",
    "not encrypted": "http://cloud.example.com",
    "away": "http://127.0.0.1:9",
}
PROJECTS: dict[str, Any] = {
    "another page": "nothing",
    "another object": [{"id": "x", "name": "y"}],
}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudSite]:
    monkeypatch.setenv("CLOUD_TOKEN", TOKEN)
    with cloud_site(CloudSite()) as found:
        yield found


@pytest.mark.parametrize(
    "case",
    [
        *("exists", "no token", "a strange token", "refused", "not found", "redirect"),
        *("no address", "not encrypted", "away", "another page", "another object"),
    ],
)
def test_an_import_that_cant_be(
    site: CloudSite,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    met: Met,
    capsys: pytest.CaptureFixture[str],
    case: str,
):
    target = tmp_path / "new"
    account = 5 if case == "not found" else ACCOUNT
    tokens = {"no token": "", "a strange token": "two words", "refused": "another"}
    monkeypatch.setenv("CLOUD_TOKEN", tokens.get(case, TOKEN))
    site.url = URLS.get(case, site.url)
    site.redirect = "https://elsewhere.example/" if case == "redirect" else ""
    site.projects = PROJECTS.get(case, site.projects)
    if case == "exists":
        target.mkdir()
        (target / "jobs.yml").write_text("")
    words = ["--account", f"{account}", "--token-env", "CLOUD_TOKEN", "--url", site.url]
    assert main(["import", *words, "--directory", str(target)]) == 1
    said = capsys.readouterr().err.strip()
    assert TOKEN not in said
    met(said.removeprefix("deploy-project import: "))
    assert not (target / "deploy.yaml").exists()


def test_a_job_of_the_api_that_git_has_too(tmp_path: Path, met: Met):
    git = "jobs: {daily: {environment: production, id: 5}}"
    api = "jobs: {daily: {environment_id: 11, execute_steps: [dbt build]}}"
    for line in Configuration(tmp_path).problems({"jobs.yml": git, "state/api/jobs.yml": api}):
        met(line)
