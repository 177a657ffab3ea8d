"""Where SQLFluff comes from: made by the real uv from packages that stand for it."""

import sys
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.lint.sqlfluff import dialect, linter, verify
from deploy_project.dbt.processes import uv
from deploy_project.dbt.processes.installation import Installation, installation
from deploy_project.errors import LintError
from tests.support.servers.package_index import index, wheel

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    index(tmp_path / "index", monkeypatch)
    return installation("1.9", "fake", StateDirectory(tmp_path / "state"))


@pytest.mark.parametrize(
    ("adapter", "expected"),
    [
        *((name, name) for name in ("duckdb", "postgres", "snowflake", "bigquery", "redshift")),
        *((name, name) for name in ("databricks", "trino", "athena", "clickhouse", "mysql")),
        *(("spark", "sparksql"), ("sqlserver", "tsql"), ("fabric", "tsql"), ("mysql5", "mysql")),
        ("of_somebody", "ansi"),
    ],
)
def test_the_dialect_follows_from_the_adapter(adapter: str, expected: str):
    assert dialect(adapter) == expected


def test_it_is_made_once_beside_the_same_dbt_and_adapter(dbt: Installation, tmp_path: Path):
    state = StateDirectory(tmp_path / "state")
    wheel(tmp_path / "index", "sqlfluff-templater-dbt", "4.4.0", "dbt-core")
    wheel(tmp_path / "index", "sqlfluff-templater-dbt", "5.0.0", "dbt-core")
    verify("1.9", "fake", state)
    found = linter(dbt, "fake", state)
    root = state.dbt(f"sqlfluff4-fake-1.9.4-1.9.2-{HERE}")
    assert found.python == uv.python(root)
    assert {each.name for each in root.glob("lib/python*/site-packages/*.dist-info")} == {
        "dbt_core-1.9.4.dist-info",
        "dbt_fake-1.9.2.dist-info",
        "sqlfluff_templater_dbt-4.4.0.dist-info",
    }
    for each in (tmp_path / "index").glob("sqlfluff*"):
        each.unlink()
    assert linter(dbt, "fake", state) == found
    verify("1.9", "fake", state)


def test_one_that_can_t_be_had_is_one_error(dbt: Installation, tmp_path: Path):
    state = StateDirectory(tmp_path / "state")
    with pytest.raises(LintError) as raised:
        verify("1.9", "fake", state)
    assert str(raised.value).startswith(
        "SQLFluff can't be installed beside dbt-core==1.9.4 and dbt-fake==1.9.2: `uv pip"
    )
    with pytest.raises(LintError) as raised:
        linter(dbt, "fake", state)
    assert str(raised.value).endswith(
        "See that this machine reaches a package index, or set `run_lint: false` of the job"
    )
