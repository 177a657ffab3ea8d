from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.environment import settings
from deploy_project.errors import LaunchError
from deploy_project.example.remote import make_remote
from deploy_project.git.command import git
from deploy_project.releases.pointer import deployed
from deploy_project.runs.instance.identity import Identity
from deploy_project.runs.instance.launching import Dagster
from tests.cli.configure import Configure
from tests.support.ports import free_port

DEPLOY = """
    dagster_url: URL
    projects: {shop: {repository: "{state}/example/shop.git", variables: {DBT_REGION: all}}}
    environments:
      broken: {branch: nowhere}
      prod: {branch: main, target: production}
"""
HERE = Identity("here", "/deploy.yaml", "Acme", ("shop: /nowhere",))


@pytest.fixture
def nobody() -> str:
    """A URL where nothing answers."""
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.slow
def test_deploy_moves_the_pointers_that_it_can(
    configure: Configure, nobody: str, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY.replace("URL", nobody), "jobs: {}")
    state = settings().state
    remote = make_remote(state)
    head = git("rev-parse", "refs/heads/main", cwd=remote)
    assert main(["deploy"]) == 1
    printed = capsys.readouterr()
    assert "broken: not deployed: branch 'nowhere' does not exist" in printed.err
    assert f"prod: deployed {head} of main" in printed.out
    assert f"Note: the definitions were not loaded again. Dagster at {nobody}" in printed.out
    found = deployed(state, "prod")
    assert found is not None
    assert found.commit == head
    assert deployed(state, "broken") is None

    assert main(["deploy", "prod"]) == 0
    assert f"prod: still at {head} of main" in capsys.readouterr().out


def test_deploy_refuses_what_it_does_not_know(
    configure: Configure, nobody: str, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY.replace("URL", nobody), "jobs: {}")
    assert main(["deploy", "production"]) == 1
    assert "known: broken, prod" in capsys.readouterr().err
    assert main(["deploy", "prod", "--commit", "main"]) == 1
    assert "'main' is not a full commit id" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["", "/dagster"])
def test_a_dagster_that_is_not_there_is_told(nobody: str, path: str):
    """A URL with a path was asked at a host that does not exist: the port came after the path."""
    url = nobody + path
    with pytest.raises(LaunchError, match=f"Dagster at {url} does not answer; start it"):
        Dagster(url, HERE).launch("prod__daily", {})


def test_demo_refuses_another_configuration(
    configure: Configure, nobody: str, capsys: pytest.CaptureFixture[str]
):
    here = configure(DEPLOY.replace("URL", nobody), "jobs: {}")
    assert main(["demo"]) == 1
    assert f"{here}/deploy.yaml, not the embedded example" in capsys.readouterr().err


def test_demo_refuses_to_forget_its_run(here: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["demo"]) == 1
    assert "there is no dagster.yaml" in capsys.readouterr().err
    assert not (here / ".deploy" / "production.duckdb").exists()
