"""What a pull request may reach by the word of trusted code."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy_project.config.state import Checkout, StateDirectory
from deploy_project.config.values.deployment import Project, PullRequestRules
from deploy_project.dbt.processes import sandbox
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError
from deploy_project.releases.given import Given
from deploy_project.releases.strangers import Stranger, refuse_unheld, trusted, warnings
from deploy_project.releases.warehouses import Warehouse

pytestmark = pytest.mark.skipif(not sandbox.is_possible(), reason="there is no sandbox here")


def reads(tmp_path: Path, output: dict[str, Any]) -> tuple[Path, ...]:
    state = StateDirectory(tmp_path / "state")
    warehouse = Warehouse(Project("shop", 1, "r"), "prod", (), state)
    stranger = Stranger(
        name="pull-request-1-2",
        rules=PullRequestRules(),
        trusted=trusted(output, Rendering({}), warehouse, is_ours=False, passed=()),
        copies=state.pull_request("prod", 1, 2),
        base=Checkout(tmp_path / "base"),
        package_mirrors=tmp_path / "mirrors",
    )
    made = stranger.sandbox(Given({}, {}, Scrubber([]), Scrubber([])), writes=())
    assert made is not None
    return made.reads


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"external_root": "."},
        {"external_root": "/"},
        {"external_root": "TMP/state/warehouses"},
        {"settings": {"secret_directory": "TMP/link"}},
    ],
    ids=["the default", "stated", "the root", "above", "by a link"],
)
def test_no_directory_with_a_database_of_production_is_open(tmp_path: Path, more: dict[str, Any]):
    """The directory of a relative database was: dbt-duckdb's own default for external files."""
    (tmp_path / "link").symlink_to("state/warehouses/prod")
    told = {"type": "duckdb", "path": "shop.duckdb", **more}
    output = json.loads(json.dumps(told).replace("TMP", str(tmp_path)))
    database = tmp_path / "state" / "warehouses" / "prod" / "shop.duckdb"
    assert not [each for each in reads(tmp_path, output) if database.is_relative_to(each.resolve())]


OLD = ["ports", "signals to other processes"]
"""The limits that a kernel can't hold a process to."""


@pytest.mark.parametrize(
    ("rule", "left", "warned"),
    [
        ("required", [], ""),
        ("when_possible", [], ""),
        ("when_possible", OLD, "NOT HELD BY A SANDBOX AS TO: PORTS, SIGNALS TO OTHER PROCESSES"),
        ("off", OLD, "THE SANDBOX IS OFF: THIS RUN'S CODE MAY DO ALL THAT WE MAY"),
        ("off", [], "THE SANDBOX IS OFF: THIS RUN'S CODE MAY DO ALL THAT WE MAY"),
    ],
)
def test_what_is_not_held_is_said_in_capitals(
    monkeypatch: pytest.MonkeyPatch, rule: Any, left: list[str], warned: str
):
    monkeypatch.setattr(sandbox, "not_held", lambda: left)
    rules = PullRequestRules(sandbox=rule)
    refuse_unheld(rules)
    assert [warned in each for each in warnings(rules)] == ([True] if warned else [])


def test_a_sandbox_that_is_required_and_not_whole_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "not_held", lambda: OLD)
    with pytest.raises(ConfigError, match="can't hold ports, signals to other processes: it needs"):
        refuse_unheld(PullRequestRules(sandbox="required"))


def test_other_directories_and_files_that_trusted_code_names_are_open(tmp_path: Path):
    (tmp_path / "reference.duckdb").touch()
    output = {
        "type": "duckdb",
        "path": "shop.duckdb",
        "attach": [{"path": str(tmp_path / "reference.duckdb")}],
        "settings": {"extension_directory": str(tmp_path / "extensions")},
    }
    assert set(reads(tmp_path, output)) == {
        tmp_path / "reference.duckdb",
        tmp_path / "extensions",
    }


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"attach": [{"path": "duckdb:TMP/a.db"}]}, {"a.db"}),
        ({"attach": [{"path": "sqlite:TMP/a.db", "type": "sqlite"}]}, {"a.db"}),
        ({"attach": [{"path": "ducklake:TMP/a.db"}]}, {"a.db", "a.db.files"}),
        ({"attach": [{"path": "ducklake:sqlite:TMP/a.db"}]}, {"a.db", "a.db.files"}),
        (
            {"attach": [{"path": "ducklake:TMP/a.db", "options": {"data_path": "TMP/lake"}}]},
            {"a.db", "a.db.files", "lake"},
        ),
        (
            {"attach": [{"path": "ducklake:own.ducklake", "options": {"data_path": "lake"}}]},
            {"state/warehouses/prod/own.ducklake.files", "state/warehouses/prod/lake"},
        ),
        ({"secrets": [{"type": "azure", "client_certificate_path": "TMP/a.db"}]}, {"a.db"}),
        ({"filesystems": [{"fs": "dir", "path": "TMP/lake"}]}, {"lake"}),
        ({"filesystems": [{"fs": "file", "anything_else": "TMP"}]}, set[str]()),
        ({"module_paths": ["TMP/plugins", "plugins"]}, {"plugins"}),
        ({"plugins": [{"module": "x", "config": {"prefix": "TMP"}}]}, set[str]()),
        ({"path": "ducklake:TMP/a.db"}, {"state/warehouses/prod"}),
    ],
    ids=lambda each: json.dumps(each) if isinstance(each, dict) else "",
)
def test_the_files_of_a_connection_are_open_wherever_it_names_them(
    tmp_path: Path, more: dict[str, Any], expected: set[str]
):
    """A database that is built in is never among them, nor is what only looks like a path."""
    (tmp_path / "a.db").touch()
    told = {"type": "duckdb", "path": "shop.duckdb", **more}
    output = json.loads(json.dumps(told).replace("TMP", str(tmp_path)))
    assert set(reads(tmp_path, output)) == {tmp_path / each for each in expected}


def test_variables_that_deploy_yaml_passes_or_its_connection_asks_for_are_trusted(tmp_path: Path):
    output = {"type": "postgres", "password": "{{ env_var('PGPASSWORD') }}"}
    warehouse = Warehouse(Project("shop", 1, "r"), "prod", (), StateDirectory(tmp_path / "state"))
    found = trusted(output, Rendering({}), warehouse, is_ours=False, passed=["AWS_PROFILE"])
    assert found.variables == {"PGPASSWORD", "AWS_PROFILE"}
