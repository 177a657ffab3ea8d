"""What `check` says of dbt versions, with the real uv and packages that stand for dbt."""

from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.cli.check.versions import WantedVersion, unverified, wanted
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from tests.cli.configure import Configure
from tests.support.servers.package_index import index

DEPLOY = """
    projects: {shop: {repository: /nowhere}}
    environments:
      plain: {connection: {type: duckdb}}
      old: {dbt_version: "1.9.*", connection: {type: fake}}
      changed: {dbt_version: "1.9.*", connection: {type: x}, extended_attributes: {type: fake}}
      unknown: {dbt_version: "1.9.*"}
      wrong: {dbt_version: "1.99.*"}
"""
JOBS = """
    jobs:
      inherits: {environment: old}
      pinned: {environment: old, dbt_version: "1.7"}
"""


@pytest.fixture
def here(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    index(here / "index", monkeypatch)
    return here


def test_who_wants_what(configure: Configure):
    place = configure(DEPLOY, JOBS)
    deployment = load_deployment(place / "deploy.yaml", state=place / "state")
    assert wanted(deployment) == {
        WantedVersion(None, "duckdb"): ["environments.plain"],
        WantedVersion("1.9.*", "fake"): ["environments.old", "environments.changed"],
        WantedVersion("1.9.*", None): ["environments.unknown"],
        WantedVersion("1.99.*", None): ["environments.wrong"],
        WantedVersion("1.7", "fake"): ["jobs.pinned"],
    }


def test_check_refuses_impossible_versions_and_installs_nothing(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    place = configure(DEPLOY, JOBS)
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "2 problems" in told
    assert "environments.wrong: dbt 1.99.* can't be installed: `uv pip compile` failed" in told
    assert "jobs.pinned: dbt 1.7 with dbt-fake can't be installed: `uv pip compile`" in told
    assert not StateDirectory(place / ".deploy").dbt("any").parent.exists()


def test_an_adapter_that_is_not_beside_dbt_is_a_problem(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    configure(DEPLOY.replace("type: duckdb", "type: fake"), "jobs: {}")
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "environments.plain: the profile's type is 'fake', but dbt-fake is not install" in told


def test_without_a_network_a_version_is_neither_right_nor_wrong(
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
):
    monkeypatch.delenv("UV_CONFIG_FILE")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))  # else uv may know the index
    place = configure(DEPLOY, JOBS)
    assert main(["check"]) == 0
    told = capsys.readouterr().out
    assert "Not verified: environments.wrong: nobody can say whether dbt 1.99.*" in told
    assert told.endswith("No problems.\n")
    deployment = load_deployment(place / "deploy.yaml", state=place / "state")
    wrong, unknown = unverified(deployment, StateDirectory(place / "state"))
    assert (wrong, len(unknown)) == ([], 4)
    assert main(["check", "--online"]) == 1
    assert "environments.wrong: nobody can say whether" in capsys.readouterr().err


def test_check_says_when_sqlfluff_can_t_be_had_for_a_job_that_lints(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    deploy = """
        projects: {shop: {repository: /nowhere}}
        environments: {old: {dbt_version: "1.9.*", connection: {type: fake}}}
    """
    place = configure(deploy, "jobs: {linted: {environment: old, run_lint: true}}")
    assert main(["check"]) == 1
    told = capsys.readouterr().err
    assert "1 problem" in told
    beside = "dbt-core==1.9.* and dbt-fake"
    assert f"environments.old: SQLFluff can't be installed beside {beside}: `uv pip" in told
    assert "set `run_lint: false` of the job" in told
    assert not StateDirectory(place / ".deploy").dbt("any").parent.exists()
