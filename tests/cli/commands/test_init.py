import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from deploy_project.cli import main
from deploy_project.cli.commands.init import InitOptions, files, project_name
from tests.support.paths import ROOT

URL = "https://github.com/acme/analytics.git"


@pytest.mark.parametrize(
    "options",
    [(), ("--branch", "main"), ("--branch", 'odd"name#{', "--subdirectory", "dbt: #1")],
    ids=["plain", "branch", "odd names"],
)
def test_what_init_writes_passes_check(
    options: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", URL, *options]) == 0
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert URL in printed
    assert all(option in printed for option in options[1::2])


def test_the_schemas_that_the_files_name_are_there_and_fit(here: Path):
    main(["init", URL, "--branch", "main"])
    for name in ("deploy.yaml", "jobs.yml"):
        text = (here / name).read_text(encoding="utf-8")
        schema = here / text.splitlines()[0].rpartition("$schema=")[2]
        content = YAML(typ="safe").load(text)
        jsonschema.validate(content, json.loads(schema.read_bytes()))


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_dagster_is_set_up_as_in_this_repository(name: str):
    assert files(InitOptions(URL))[name] == (ROOT / name).read_text(encoding="utf-8")


def test_init_overwrites_nothing_and_writes_nothing_beside_it(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("jobs.yml", "dagster.yaml"):
        (here / name).write_text("mine", encoding="utf-8")
    assert main(["init", URL]) == 1
    assert "exist and are not overwritten: jobs.yml, dagster.yaml" in capsys.readouterr().err
    assert sorted(each.name for each in here.iterdir()) == ["dagster.yaml", "jobs.yml"]
    assert (here / "jobs.yml").read_text(encoding="utf-8") == "mine"


def test_init_refuses_a_password_before_it_is_in_a_file(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", "https://ana:geheim@example.com/a.git", "--directory", "new"]) == 1
    told = capsys.readouterr().err
    assert "new/deploy.yaml:8: projects.a.repository: has credentials" in told
    assert "geheim" not in told
    assert list(here.iterdir()) == []


def test_a_path_is_relative_to_the_working_directory(here: Path):
    (here / "shop.git").mkdir()
    assert main(["init", "shop.git", "--directory", "new"]) == 0
    text = (here / "new" / "deploy.yaml").read_text(encoding="utf-8")
    assert f'repository: "{here}/shop.git"' in text


def test_init_says_what_to_do_next(here: Path, capsys: pytest.CaptureFixture[str]):
    main(["init", URL, "--directory", "my files"])
    told = capsys.readouterr().out
    assert "\n  cd 'my files'\n  deploy-project check --online" in told


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URL, "analytics"),
        ("git@github.com:acme/data.models.git", "data_models"),
        ("host:shop", "shop"),
        ("/srv/git/größe/", "gr_e"),
        ("..", "project"),
    ],
)
def test_the_name_of_the_project(url: str, name: str):
    assert project_name(url) == name
