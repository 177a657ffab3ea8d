"""What a run hides."""

import pytest

from deploy_project.config.deployment import Environment, Hosting, Project, Secret
from deploy_project.dbt.secrets import MASK
from deploy_project.releases.workspace import scrubber


def test_the_token_of_the_hosting_is_hidden_and_not_needed(monkeypatch: pytest.MonkeyPatch):
    hosting = Hosting("github", "https://github.com/acme/shop", token=Secret(env="HOSTING"))
    project = Project(name="shop", id=1, repository="/nowhere", hosting=hosting)
    environment = Environment(name="prod", id=2, project=project, type="production")
    monkeypatch.setenv("HOSTING", "hunter22")
    assert scrubber(environment, None).text("a hunter22 b") == f"a {MASK} b"
    monkeypatch.delenv("HOSTING")
    assert scrubber(environment, None).text("a hunter22 b") == "a hunter22 b"
