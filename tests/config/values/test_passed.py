"""Which variables of Dagster's processes reach dbt, and which reach uv."""

import re

import pytest

from deploy_project.config.environment import for_dbt, for_uv, inherited, store_credentials
from deploy_project.config.values import passed
from tests.support.paths import ROOT

DBTS = [
    *("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME", "LD_LIBRARY_PATH"),
    *("HTTPS_PROXY", "https_proxy", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
    *("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_CONFIG_VALUE_12"),
    *("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AZURE_CLIENT_ID", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"),
    *("PGPASSWORD", "SNOWFLAKE_HOME", "DATABRICKS_TOKEN", "ODBCINI", "KRB5CCNAME", "TNS_ADMIN"),
    *("JAVA_HOME", "SPARK_HOME", "HADOOP_CONF_DIR", "motherduck_token", "KUBERNETES_SERVICE_HOST"),
]
NOT_DBTS = [
    *(
        "GIT_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITLAB_TOKEN",
        "SHOP_GIT_TOKEN",
        "HOSTING",
        "TOKEN",
    ),
    *("SLACK_TOKEN", "SMTP_PASSWORD", "FSSPEC_S3_SECRET", "UV_INDEX_INTERNAL_PASSWORD"),
    *(
        "PIP_INDEX_URL",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_AUTHOR_NAME",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ),
    *("DBT_TARGET", "DBT_ENV_SECRET_PASSWORD", "DEPLOY_STATE", "DEPLOY_GIT_TOKEN", "DAGSTER_HOME"),
    *("path", "MYPATH", "PATHS", "XPGHOST", "LC", "TERM"),
]


@pytest.mark.parametrize("name", DBTS)
def test_what_dbt_may_need_passes(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "a value")
    assert for_dbt((), withheld=())[name] == "a value"
    assert name not in for_dbt((name,), withheld={name})


@pytest.mark.parametrize("name", NOT_DBTS)
def test_everything_else_stays_out(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, "a value")
    assert name not in for_dbt((), withheld=())


def test_what_is_added_passes_unless_its_name_is_ours(monkeypatch: pytest.MonkeyPatch):
    for name in ("WAREHOUSE_HOST", "DBT_HOST", "DEPLOY_HOST", "DAGSTER_HOST"):
        monkeypatch.setenv(name, "a value")
    found = for_dbt(("WAREHOUSE_HOST", "DBT_HOST", "DEPLOY_HOST", "DAGSTER_HOST"), withheld=())
    assert {name for name in found if name.endswith("_HOST")} - {"PGHOST"} == {"WAREHOUSE_HOST"}


def test_uv_gets_the_login_of_its_index_and_no_token_of_git(monkeypatch: pytest.MonkeyPatch):
    index = {"UV_DEFAULT_INDEX", "UV_INDEX_INTERNAL_PASSWORD", "PIP_INDEX_URL", "HTTPS_PROXY"}
    others = {"GIT_TOKEN", "AZURE_DEVOPS_TOKEN", "AWS_CODECOMMIT_TOKEN", "PGPASSWORD", "DBT_X"}
    for name in index | others:
        monkeypatch.setenv(name, "a value")
    assert for_uv().keys() >= {*index, "PATH"}
    assert for_uv().keys().isdisjoint(others)


def test_git_has_the_users_own_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("GIT_AUTHOR_NAME", "ANYTHING", "DBT_X", "DEPLOY_X", "DAGSTER_X"):
        monkeypatch.setenv(name, "a value")
    assert inherited().keys() >= {"GIT_AUTHOR_NAME", "ANYTHING"}
    assert inherited().keys().isdisjoint({"DBT_X", "DEPLOY_X", "DAGSTER_X"})


@pytest.mark.parametrize(
    ("name", "hidden"),
    [
        *((name, True) for name in ("AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "MSI_SECRET")),
        *((name, True) for name in ("DATABRICKS_TOKEN", "motherduck_token", "MY_API_KEY")),
        *((name, True) for name in ("AZURE_STORAGE_CONNECTION_STRING", "SNOWFLAKE_PRIVATE_KEY")),
        *((name, False) for name in ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_PROFILE", "PATH")),
        *((name, False) for name in ("PGPASSWORD", "SNOWFLAKE_USER")),
    ],
)
def test_what_programs_log_in_with_is_hidden(name: str, hidden: bool):
    assert passed.credentials({name: "eightchr"}) == (["eightchr"] if hidden else [])
    assert passed.credentials({name: "seven.."}) == []


def test_credentials_of_a_store_are_hidden_though_dbt_does_not_get_them(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("FSSPEC_S3_SECRET", "of-the-store")
    assert "of-the-store" in store_credentials()


def test_the_documentation_lists_what_passes():
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (?P<what>.+?) \| (?P<names>`.+`) \|$", text, re.MULTILINE))
    found = {what: re.findall(r"`([^`]+)`", rows[what]) for what in passed.DBT}
    assert found == {what: list(names) for what, names in passed.DBT.items()}
