from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.api.front.following import Configuration
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.values.deployment import Deployment
from tests.support.waiting import wait

DEPLOY = """
projects:
  shop: {repository: /srv/shop.git}
environments:
  prod: {project: shop, type: production, branch: main}
jobs: ["jobs/*.yml"]
"""
JOB = "jobs: {%s: {environment: prod, execute_steps: [dbt build]}}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "deploy.yaml").write_text(DEPLOY, encoding="utf-8")
    (tmp_path / "jobs/one.yml").write_text(JOB % "daily", encoding="utf-8")
    return tmp_path


def load(root: Path) -> Deployment:
    return load_deployment(root / "deploy.yaml", state=root / ".deploy")


def followed(root: Path) -> Configuration:
    return Configuration(load(root), load=lambda: load(root))


def test_a_changed_file_comes_into_force(root: Path):
    found = followed(root)
    (root / "jobs/one.yml").write_text(JOB % "hourly", encoding="utf-8")
    found.refresh()
    assert set(found.deployment.jobs) == {"prod__hourly"}


def test_so_does_a_new_one_that_a_glob_names(root: Path):
    found = followed(root)
    (root / "jobs/two.yml").write_text(JOB % "hourly", encoding="utf-8")
    found.refresh()
    assert set(found.deployment.jobs) == {"prod__daily", "prod__hourly"}


def test_a_wrong_file_leaves_the_last_right_one_in_force_and_is_told(root: Path):
    found = followed(root)
    (root / "deploy.yaml").write_text(DEPLOY + "typo: 1\n", encoding="utf-8")
    found.refresh()
    assert set(found.deployment.jobs) == {"prod__daily"}
    assert "typo" in found.problem
    (root / "deploy.yaml").write_text(DEPLOY, encoding="utf-8")
    found.refresh()
    assert found.problem == ""


def test_nothing_is_loaded_while_no_file_changes(root: Path):
    loads: list[str] = []
    first = load(root)

    def again() -> Deployment:
        loads.append("again")
        return replace(first)

    found = Configuration(first, load=again)
    found.refresh()
    found.refresh()
    assert loads == []


def test_the_files_are_looked_at_by_themselves(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy_project.api.front.following.SECONDS", 0.01)
    found = followed(root)
    with found.followed():
        (root / "jobs/one.yml").write_text(JOB % "hourly", encoding="utf-8")
        wait(lambda: set(found.deployment.jobs) == {"prod__hourly"})
