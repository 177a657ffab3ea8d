"""What dbt is given, and what a run hides."""

from pathlib import Path

import pytest

from deploy_project.config.values.deployment import Environment, Hosting, Project, Secret
from deploy_project.dbt.processes.scrubbing import MASK
from deploy_project.errors import ConfigError
from deploy_project.releases.given import given, inherited
from tests.support.deployments.configuration_files import Configuration

DEPLOY = """
projects:
  shop:
    repository: /shop
    token: {env: SHOP_TOKEN}
    hosting: {kind: gitea, url: "https://host/a/shop", token: {file: hosting-token}}
    variables: {DBT_REGION: eu, DBT_KEY: {env: SHOP_KEY}}
    pass_variables: [SHOP_HOST]
  other: {repository: /other, token: {env: AWS_OTHER_TOKEN}}
environments:
  prod:
    project: shop
    variables: {DBT_ENV_SECRET_GIT: {env: SHOP_TOKEN}}
    pass_variables: [SHOP_PORT, GH_TOKEN]
  plain: {project: shop}
  other: {project: other}
"""
PLANTED = {
    "SHOP_TOKEN": "git-0123456789",
    "AWS_OTHER_TOKEN": "other-0123456789",
    "AWS_PROFILE": "shop",
    "SHOP_KEY": "key-0123456789",
    "SHOP_HOST": "example.com",
    "SHOP_PORT": "5432",
    "SHOP_ELSE": "nobody's",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Environment]:
    """Its environments, with all secrets where they are kept."""
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "hosting-token").write_text("host-0123456789\n", encoding="utf-8")
    return dict(Configuration(tmp_path).load({"deploy.yaml": DEPLOY}).environments)


def names(environment: Environment) -> set[str]:
    return {
        each for each in inherited(environment) if each in PLANTED or each.startswith("GIT_CONFIG_")
    }


def test_an_environment_gets_what_it_and_its_project_pass_on(shop: dict[str, Environment]):
    assert names(shop["prod"]) == {"AWS_PROFILE", "SHOP_HOST", "SHOP_PORT"}
    assert names(shop["plain"]) == {"AWS_PROFILE", "SHOP_HOST"}
    assert names(shop["other"]) == {"AWS_PROFILE"}, "not even its own token, which looks like AWS's"


def test_only_the_users_variables_are_variables(shop: dict[str, Environment]):
    """The token of the hosting site was a variable of dbt's called `hosting`."""
    assert given(shop["plain"], None).variables == {"DBT_REGION": "eu", "DBT_KEY": "key-0123456789"}


def test_a_token_is_given_under_the_name_that_deploy_yaml_gives_it(shop: dict[str, Environment]):
    found = given(shop["prod"], None)
    assert found.variables["DBT_ENV_SECRET_GIT"] == "git-0123456789"
    assert "git-0123456789" in found.known.secrets
    assert "git-0123456789" not in found.inherited.values()


def test_dbt_is_told_its_own_secrets_and_the_others_are_hidden_too(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-0123456789")
    monkeypatch.setenv("FSSPEC_S3_SECRET", "store-0123456789")
    found = given(shop["plain"], None)
    own = "key-0123456789 aws-0123456789"
    others = "git-0123456789 host-0123456789 other-0123456789 store-0123456789"
    assert found.known.text(f"{own} {others}") == f"{MASK} {MASK} {others}"
    assert found.scrubber.text(f"{own} {others}") == " ".join([MASK] * 6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_DEVOPS_EXT_PAT", "git-0123456789"),
        ("HTTPS_PROXY", "http://me:host-0123456789@proxy"),
        ("GIT_SSH_COMMAND", "ssh -o SetEnv=T=other-0123456789"),
    ],
)
def test_no_other_variable_tells_a_withheld_secret(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setenv(name, value)
    assert name not in inherited(shop["plain"])
    monkeypatch.setenv(name, value.replace("0123456789", "9876543210"))
    assert name in inherited(shop["plain"])


def test_configuration_of_git_that_tells_a_secret_stays_out_whole(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
):
    """Git refuses to start with a value that is counted and not there."""
    configuration = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "http.extraHeader",
        "GIT_CONFIG_VALUE_1": "Authorization: Basic bWU6Z2l0LTAxMjM0NTY3ODk=",  # me:git-0123456789
    }
    for name, value in configuration.items():
        monkeypatch.setenv(name, value)
    assert not names(shop["plain"]) & configuration.keys()
    monkeypatch.setenv("GIT_CONFIG_VALUE_1", "Accept-Language: de")
    assert names(shop["plain"]) >= configuration.keys()


def test_what_deploy_yaml_passes_on_by_name_passes(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GH_TOKEN", "git-0123456789")
    assert inherited(shop["prod"])["GH_TOKEN"] == "git-0123456789"
    assert "GH_TOKEN" not in inherited(shop["plain"])
    assert "git-0123456789" in given(shop["prod"], None).known.secrets


def test_a_short_secret_keeps_no_path_out(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SHOP_TOKEN", "bin")
    assert "PATH" in inherited(shop["plain"])


@pytest.mark.parametrize("missing", ["SHOP_TOKEN", "SHOP_KEY"])
def test_a_secret_that_the_run_needs_is_wanted(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch, missing: str
):
    monkeypatch.delenv(missing)
    with pytest.raises(ConfigError, match=f"'{missing}' is not set"):
        given(shop["plain"], None)
    assert "PATH" in inherited(shop["plain"]), "dbt is started ahead all the same"


def test_the_token_of_the_hosting_is_hidden_and_not_needed(monkeypatch: pytest.MonkeyPatch):
    token = Secret(env="HOSTING")
    hosting = Hosting("github", "https://github.com/acme/shop", token=token)
    project = Project(name="shop", id=1, repository="/nowhere", hosting=hosting)
    environment = Environment("prod", 2, project, "production", withheld=frozenset({token}))
    monkeypatch.setenv("HOSTING", "hunter22")
    assert given(environment, None).scrubber.text("a hunter22 b") == f"a {MASK} b"
    monkeypatch.delenv("HOSTING")
    assert given(environment, None).scrubber.text("a hunter22 b") == "a hunter22 b"


def test_a_stranger_gets_no_login_of_a_cloud_or_warehouse_that_nobody_has_named_for_it(
    shop: dict[str, Environment], monkeypatch: pytest.MonkeyPatch
):
    """A pull request's models could read production's artifact store with the worker's login."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-0123456789")
    monkeypatch.setenv("PGPASSWORD", "warehouse")
    found = given(shop["plain"], None, named_to_stranger=["PGPASSWORD", "SHOP_HOST"])
    assert {"PGPASSWORD", "SHOP_HOST"} <= found.inherited.keys()
    assert "aws-0123456789" not in {*found.inherited.values(), *found.known.secrets}
    assert {"AWS_PROFILE", "AWS_SECRET_ACCESS_KEY"} <= {*found.left_out}
    assert found.scrubber.text("aws-0123456789") == MASK, "wherever it may come from"
