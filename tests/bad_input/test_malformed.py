"""Files that are malformed in every way: `check` tells each with a documented message."""

from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.config.values.deployment import Environment, Project
from deploy_project.dbt.project.profiles import profile
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError
from tests.bad_input.code_location import loaded
from tests.bad_input.deployed import DEPLOY, JOBS, Deployed
from tests.support.documented_messages import Met

GOOD = "projects: {tiny: {repository: /tiny}}\nenvironments: {prod: {}}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
VALUES = """\
account: {id: 99999999999999999999, name: 2024-99-99}
projects:
  tiny: {repository: "https://host:99999/a", hosting: {kind: github, url: ftp://host/a}}
  two: {repository: "https:///a"}
  three: {repository: "-oProxy=x:y"}
  true: {repository: /a}
environments:
  prod: {project: tiny, branch: "a b", tag: !env TAG, schema: "a\\0b"}
  : {project: tiny}
jobs: ["/**/*.yml"]
"""


def check(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["check"]) == 1
    return capsys.readouterr().err.removeprefix("deploy-project check: ").strip().splitlines()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPLOY_CONFIG", str(tmp_path / "deploy.yaml"))
    monkeypatch.setenv("DEPLOY_STATE", str(tmp_path / "state"))
    (tmp_path / "deploy.yaml").write_text(GOOD, encoding="utf-8")
    return tmp_path


def test_values_that_cannot_be_used(root: Path, capsys: pytest.CaptureFixture[str], met: Met):
    (root / "deploy.yaml").write_text(VALUES, encoding="utf-8")
    told = check(capsys)
    for line in told:
        met(line.replace(f"{root}/", ""))
    assert [line.replace(f"{root}/", "").split(": ")[1] for line in told] == [
        *("account.id", "account.name", "projects.tiny.hosting.url", "projects.tiny.repository"),
        *("projects.two.repository", "projects.three.repository", "projects.true"),
        *("environments.prod.branch", "environments.prod.schema", "environments.prod.tag"),
        *("environments.''", "jobs.0"),
    ]


@pytest.mark.parametrize(
    "jobs",
    [
        "[" * 1000,
        LAUGHS,
        "a: &a [*a]",
        "jobs: {}\njobs: {}\na: 1\na: 2",
        "#" * (2 << 20),
        f"jobs: {{{'x' * 200}: {{environment: prod}}}}",
        f"jobs: {{many: {{environment: prod, execute_steps: [{'dbt ls, ' * 501}]}}}}",
        "# {{ name }}",
    ],
    ids=["deep", "laughs", "itself", "twice", "large", "long", "many", "no vars file"],
)
def test_a_jobs_file(root: Path, capsys: pytest.CaptureFixture[str], met: Met, jobs: str):
    (root / "jobs.yml").write_text(jobs, encoding="utf-8")
    for line in check(capsys):
        met(line)


@pytest.mark.parametrize(
    "template",
    ["{% for %}", "{{ nothing }}", "{{ 'a' * 10**10 }}", "{{ name.x.y }}", "{{ 1 / 0 }}"],
)
def test_a_template(root: Path, capsys: pytest.CaptureFixture[str], met: Met, template: str):
    (root / "deploy.yaml").write_text(f"{GOOD}vars_files: [vars.yml]\n", encoding="utf-8")
    (root / "vars.yml").write_text("name: one", encoding="utf-8")
    (root / "jobs.yml").write_text(f"# {template}", encoding="utf-8")
    (told,) = check(capsys)
    met(told)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("profiles.yml", "[" * 1000),
        ("profiles.yml", LAUGHS),
        ("profiles.yml", "tiny: &a {outputs: *a}"),
        ("profiles.yml", "tiny: {outputs: {prod: {type: duckdb, settings: {1: a}}}, target: prod}"),
        ("profiles.yml", "tiny: {target: !env A, outputs: 2024-99-99}"),
        ("profiles.yml", "#" * (2 << 20)),
        ("profiles.yml", "tiny: {target: \"{{ 'a' * 10**10 }}\"}"),
        ("profiles.yml", "\xff"),
        ("dbt_project.yml", "name: tiny\nprofile: 1" + "0" * 5000),
        ("dbt_project.yml", "a: \0"),
    ],
)
def test_files_of_a_commit(tmp_path: Path, met: Met, name: str, content: str):
    (tmp_path / "dbt_project.yml").write_text("name: tiny\nprofile: tiny\n", encoding="utf-8")
    (tmp_path / name).write_text(content, encoding="latin-1")
    environment = Environment("prod", 1, Project("tiny", 1, "/tiny"), "production")
    with pytest.raises(ConfigError) as raised:
        profile(environment, tmp_path, Rendering({}), tree=tmp_path)
    met(str(raised.value))


@pytest.mark.slow
@pytest.mark.parametrize(
    "deploy",
    [DEPLOY + f"    bomb: {'[' * 500}", DEPLOY.replace("branch: main", "branch: 'a b'")],
    ids=["deep", "branch"],
)
def test_production_stays_as_it_was(
    deployed: Deployed,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    met: Met,
    deploy: str,
):
    kept = deployed.kept()
    deployed.configure(deploy=deploy, jobs=JOBS)
    told = check(capsys)
    assert loaded(monkeypatch) == told
    for line in told:
        met(line)
    assert deployed.kept() == kept
