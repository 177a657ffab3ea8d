"""What `check` says of `env_var()` that asks for what dbt does not get."""

from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.cli.check.unanswered import SET_BY_EVERY_COMMAND, unanswered
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes.process import Invocation, variables
from deploy_project.releases import pointer
from deploy_project.releases.pointer import Pointer
from tests.cli.configure import Configure

DEPLOYED, HEAD = "a" * 40, "b" * 40
PROJECT = "name: shop\nprofile: shop\nversion: \"{{ env_var('SHOP_VERSION') }}\"\n"
PROFILES = """\
shop:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('OF_ANOTHER_TARGET') }}"}
    prod:
      type: postgres
      host: "{{ env_var('SHOP_HOST') }}"   # or {{ env_var('IN_A_COMMENT') }}
      port: "{{ env_var('SHOP_PORT', 5432) | int }}"
      user: "{{ env_var('PGUSER') }}"
      password: "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}"
      dbname: "{{ env_var('DBT_DATABASE', 'shop') }}"
      schema: "{{ env_var('DEPLOY_STATE') }}{{ env_var('DBT_CLOUD_PR_ID') }}"
"""
DEPLOY = """\
projects:
  shop: {repository: /nowhere, token: {env: GIT_TOKEN}}
environments:
  prod: {type: production, target: prod, branch: main}
"""


def problems(
    here: Path, *, deploy: str = DEPLOY, jobs: str = "", heads: dict[str, str] | None = None
) -> tuple[list[str], list[str]]:
    (here / "deploy.yaml").write_text(deploy, encoding="utf-8")
    (here / "jobs.yml").write_text(jobs, encoding="utf-8")
    state = StateDirectory(here / ".deploy")
    deployment = load_deployment(here / "deploy.yaml", state=state.root)
    return unanswered(deployment, state, heads or {})


def check_out(here: Path, commit: str, **files: str) -> None:
    tree = StateDirectory(here / ".deploy").checkout("shop", commit).tree
    tree.mkdir(parents=True)
    named = {"dbt_project.yml": PROJECT, "profiles.yml": PROFILES, **files}
    for name, text in named.items():
        (tree / name).write_text(text, encoding="utf-8")


@pytest.fixture
def deployed(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SHOP_HOST", "SHOP_PORT", "DBT_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    check_out(here, DEPLOYED)
    pointer.move(StateDirectory(here / ".deploy"), "prod", Pointer(DEPLOYED, f"prod-{'0' * 16}"))
    return here


def test_each_variable_is_named_with_its_file_and_the_line_to_add(deployed: Path):
    of = f"of commit {DEPLOYED[:12]} asks for"
    line = "add `pass_variables: [SHOP_VERSION, SHOP_HOST, SHOP_PORT]`"
    assert problems(deployed) == (
        [
            f"environments.prod: dbt_project.yml {of} env_var('SHOP_VERSION'), which dbt does not "
            f"get; {line}",
            f"environments.prod: profiles.yml {of} env_var('SHOP_HOST'), which dbt does not get; "
            f"{line}",
            f"environments.prod: profiles.yml {of} env_var('DBT_ENV_SECRET_PASSWORD'), which dbt "
            "does not get; add `variables: {DBT_ENV_SECRET_PASSWORD: {env: …}}`, with the variable "
            "that holds it",
        ],
        [
            f"environments.prod: profiles.yml {of} env_var('SHOP_PORT'), which dbt does not get "
            f"and takes its default; {line}"
        ],
    )


def test_nothing_is_said_when_those_lines_are_there(deployed: Path):
    """Also not where a job gives the variable, without which another one might fail."""
    deploy = DEPLOY.replace("GIT_TOKEN}}", "GIT_TOKEN}, pass_variables: [SHOP_VERSION]}").replace(
        "branch: main", "branch: main, pass_variables: [SHOP_HOST, SHOP_PORT]"
    )
    (told,), notices = problems(deployed, deploy=deploy)
    assert "DBT_ENV_SECRET_PASSWORD" in told
    assert notices == []
    jobs = """
    jobs:
      daily:
        environment: prod
        custom_environment_variables: [{DBT_ENV_SECRET_PASSWORD: {env: PASSWORD}}]
    """
    assert problems(deployed, deploy=deploy, jobs=jobs) == ([], [])


def test_a_default_is_told_of_where_the_shell_has_another_value(
    deployed: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DBT_DATABASE", "elsewhere")
    _, notices = problems(deployed)
    assert notices[-1].endswith(
        "env_var('DBT_DATABASE'), which dbt does not get and takes its default; "
        "add `variables: {DBT_DATABASE: …}`, with its value"
    )


@pytest.mark.parametrize(
    ("asks", "remedy"),
    [
        (
            "GIT_TOKEN",
            "it holds the secret of projects.shop.token: add `variables: "
            "{DBT_ENV_SECRET_GIT_TOKEN: {env: GIT_TOKEN}}`, and ask for "
            "env_var('DBT_ENV_SECRET_GIT_TOKEN')",
        ),
        (
            "AWS_GIT",
            "it holds the secret of projects.other.token: add `variables: "
            "{DBT_ENV_SECRET_AWS_GIT: {env: AWS_GIT}}`, and ask for "
            "env_var('DBT_ENV_SECRET_AWS_GIT')",
        ),
        ("DBT_HOST", "add `variables: {DBT_HOST: …}`, with its value"),
        (
            "DAGSTER_HOME",
            "add `variables: {DBT_DAGSTER_HOME: …}`, and ask for env_var('DBT_DAGSTER_HOME')",
        ),
        ("SHOP_HOST", "add `pass_variables: [SHOP_PORT, SHOP_HOST]`"),
    ],
)
def test_the_remedy_is_the_variables_own(here: Path, asks: str, remedy: str):
    """What deploy.yaml itself says is looked at before anything was deployed."""
    told, notices = problems(
        here,
        deploy=f"""
        projects:
          shop: {{repository: /nowhere, token: {{env: GIT_TOKEN}}}}
          other: {{repository: /other, token: {{env: AWS_GIT}}}}
        environments:
          prod:
            project: shop
            connection:
              type: postgres
              host: "{{{{ env_var('{asks}') }}}}"
              port: "{{{{ env_var('OLD_PORT') }}}}"
            extended_attributes: {{port: "{{{{ env_var('SHOP_PORT') }}}}"}}
            pass_variables: [SHOP_PORT]
        """,
    )
    where = "environments.prod: `connection:` asks for"
    assert told == [f"{where} env_var('{asks}'), which dbt does not get; {remedy}"]
    assert notices == []


def test_the_name_of_the_target_is_asked_for_where_deploy_yaml_has_none(deployed: Path):
    name = "{{ env_var('SHOP_TARGET') }}"
    check_out(deployed, HEAD, **{"profiles.yml": PROFILES.replace("dev\n", f'"{name}"\n')})
    heads = {"prod": HEAD}
    assert "SHOP_TARGET" not in str(problems(deployed, heads=heads))
    told, _ = problems(deployed, deploy=DEPLOY.replace("target: prod, ", ""), heads=heads)
    assert told[-1].startswith(
        f"environments.prod: profiles.yml of commit {HEAD[:12]} asks for env_var('SHOP_TARGET')"
    )


def test_the_name_of_the_target_may_be_told_by_the_environment(deployed: Path):
    """What every run sets and what deploy.yaml says name it as they do in a run."""
    name = "{{ {'prod': 'prod'}[env_var('DBT_CLOUD_ENVIRONMENT_TYPE')] }}"
    check_out(deployed, HEAD, **{"profiles.yml": PROFILES.replace("dev\n", f'"{name}"\n')})
    told, _ = problems(deployed, deploy=DEPLOY.replace("target: prod, ", ""), heads={"prod": HEAD})
    assert "env_var('SHOP_HOST')" in str(told)
    assert "OF_ANOTHER_TARGET" not in str(told)


def test_the_head_goes_before_what_is_deployed_when_it_is_here(deployed: Path):
    heads = {"prod": HEAD}
    assert DEPLOYED[:12] in problems(deployed, heads=heads)[0][0]
    packages = "packages: [{git: \"https://{{ env_var('SHOP_USER') }}@host/x\"}]"
    check_out(deployed, HEAD, **{"packages.yml": packages, "dbt_project.yml": "profile: shop"})
    told, _ = problems(deployed, heads=heads)
    assert told[0].startswith(f"environments.prod: packages.yml of commit {HEAD[:12]} asks for")
    assert DEPLOYED[:12] not in str(told)


@pytest.mark.parametrize("wrong", ["profiles.yml", "dbt_project.yml"])
def test_files_that_are_wrong_are_told_of_by_whoever_deploys_them(deployed: Path, wrong: str):
    check_out(deployed, HEAD, **{wrong: "a: ["})
    told, _ = problems(deployed, heads={"prod": HEAD})
    assert all("dbt_project.yml" in each for each in told)


def test_check_fails_for_what_dbt_fails_without(
    deployed: Path, configure: Configure, capsys: pytest.CaptureFixture[str]
):
    lines = (
        "pass_variables: [SHOP_VERSION, SHOP_HOST], variables: {DBT_ENV_SECRET_PASSWORD: {file: x}}"
    )
    (deployed / "x").write_text("a password", encoding="utf-8")
    plain = DEPLOY.replace("token: {env: GIT_TOKEN}", "git_repo_cache: true")
    configure(plain, "")
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    assert "env_var('SHOP_HOST'), which dbt does not get; add `pass_variables:" in printed.err
    assert "Note: environments.prod: profiles.yml" in printed.out
    configure(plain.replace("branch: main", f"branch: main, {lines}"), "")
    assert main(["check"]) == 0
    printed = capsys.readouterr().out
    assert "Note: environments.prod: profiles.yml" in printed
    assert "add `pass_variables: [SHOP_VERSION, SHOP_HOST, SHOP_PORT]`" in printed


def test_what_every_command_sets_is_never_missing(tmp_path: Path):
    found = variables(
        Invocation(("build",), tmp_path, tmp_path, tmp_path, tmp_path, tmp_path, tmp_path)
    )
    assert SET_BY_EVERY_COMMAND - {"DEPLOY_STATE"} <= found.keys()
