"""What `check` says of a dbt project that takes models of other projects."""

from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.cli.check.other_projects import other_projects
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory

HEAD = "b" * 40
DEPLOY = """\
projects:
  shop: {repository: /nowhere, subdirectory: dbt}
environments:
  prod: {type: production, target: prod, branch: main}
"""


def told(here: Path, dependencies: str | None, *, heads: dict[str, str]) -> list[str]:
    (here / "deploy.yaml").write_text(DEPLOY, encoding="utf-8")
    (here / "jobs.yml").write_text("", encoding="utf-8")
    state = StateDirectory(here / ".deploy")
    directory = state.checkout("shop", HEAD).tree / "dbt"
    directory.mkdir(parents=True)
    (directory / "dbt_project.yml").write_text("name: shop\nprofile: shop\n", encoding="utf-8")
    if dependencies is not None:
        (directory / "dependencies.yml").write_text(dependencies, encoding="utf-8")
    deployment = load_deployment(here / "deploy.yaml", state=state.root)
    return list(other_projects(deployment, state, heads))


def test_projects_are_named_with_the_commit(here: Path):
    given = "projects:\n  - name: core\n  - name: finance\npackages: []\n"
    (line,) = told(here, given, heads={"prod": HEAD})
    assert line.startswith(
        "environments.prod: `projects:` of dependencies.yml names core, finance, in commit "
        f"{HEAD[:12]}; models of other projects are not supported"
    )


@pytest.mark.parametrize(
    "dependencies",
    [None, "packages:\n  - package: dbt-labs/dbt_utils\n", "projects: []\n", "[\n"],
    ids=["no file", "packages", "none", "no YAML"],
)
def test_nothing_is_said_of_other_files(here: Path, dependencies: str | None):
    assert told(here, dependencies, heads={"prod": HEAD}) == []


def test_nothing_is_said_without_the_files(here: Path):
    assert told(here, "projects: [{name: core}]", heads={}) == []


def test_check_prints_it(here: Path, capsys: pytest.CaptureFixture[str]):
    from deploy_project.releases import pointer
    from deploy_project.releases.pointer import Pointer

    told(here, "projects: [{name: core}]", heads={})
    pointer.move(StateDirectory(here / ".deploy"), "prod", Pointer(HEAD, f"prod-{'0' * 16}"))
    main(["check"])
    assert "Note: environments.prod: `projects:` of dependencies.yml" in capsys.readouterr().out
