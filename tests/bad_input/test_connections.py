"""Profiles, targets and versions of dbt that are not there."""

import sys
from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.dbt.processes import sandbox
from tests.bad_input.deployed import Deployed
from tests.support.documented_messages import Met
from tests.support.servers.package_index import index

pytestmark = pytest.mark.slow

CONFIGURED = {
    "target": ("target: prod", "target: nope", "has no target 'nope' in profile 'tiny'"),
    "profile": (
        "target: prod",
        "profiles_directory: nowhere",
        "nowhere/profiles.yml does not exist",
    ),
    "adapter": (
        *("target: prod", "connection: {type: fake, host: nowhere}"),
        "the profile's type is 'fake', but dbt-fake is not installed",
    ),
    "no adapter": (
        *("target: prod", "extended_attributes: {type: ../../x}"),
        "has the `type` '../../x', which is no adapter's name",
    ),
    "version": ("target: prod", "dbt_version: 1.99.*", "dbt 1.99.* with dbt-duckdb can't be"),
    "directory": ("REMOTE}", "REMOTE, subdirectory: dbt}", "no dbt_project.yml in directory 'dbt'"),
}
PUSHED = {
    "syntax": ("tiny: [\n", "profiles.yml is not valid YAML: "),
    "another": ("other: {target: prod}\n", "has no profile 'tiny', which dbt_project.yml names"),
    "no outputs": ("tiny: {target: prod, outputs: 3}\n", "has no target 'prod' in profile 'tiny'"),
    "no mapping": ("- tiny\n", "holds no mapping but list"),
}


@pytest.mark.parametrize("case", CONFIGURED)
def test_a_connection_that_is_not_there(
    deployed: Deployed, case: str, met: Met, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("UV_OFFLINE", "1")  # uv's answer must not depend on the network
    old, new, words = CONFIGURED[case]
    cursor = deployed.settled()
    before = deployed.kept()
    deployed.reconfigure(old, new)
    ended = deployed.attempt("prod__daily")
    assert (ended.step, ended.success) == ("create_profile", False)
    assert ended.message == ended.recorded
    assert words in ended.message
    met(ended.message)
    assert deployed.tick().said.count(f"environment 'prod' was not deployed: {ended.message}") == 1
    assert deployed.tick(cursor).error == "", "nothing new was pushed"
    assert deployed.kept() == before


def test_the_schema_of_the_environment_in_other_capitals(deployed: Deployed, met: Met):
    """Afterwards dbt could build in neither of the two."""
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/schema_override": "MAIN"})
    assert not ended.success
    met(ended.message)


@pytest.mark.parametrize("schema", ["", "main; drop schema main", "main--", "../main"])
def test_a_schema_that_is_none(deployed: Deployed, schema: str, met: Met):
    """A tag that anybody can set reaches SQL; nothing of production may come to harm."""
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/schema_override": schema})
    assert (ended.step, ended.message) == ("create_profile", ended.recorded)
    met(ended.message)


def test_a_sandbox_that_this_machine_can_not_hold(
    deployed: Deployed, met: Met, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox, "not_held", lambda: ["ports", "signals to other processes"])
    deployed.reconfigure("REMOTE}", "REMOTE, pull_requests: {sandbox: required}}")
    deployed.push({"models/orders.sql": "select 3 as id, 3 as amount"}, ref="beside")
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily", {"deploy/branch_override": "beside"})
    assert (ended.step, ended.message) == ("create_profile", ended.recorded)
    met(ended.message)


def test_a_dbt_that_somebody_has_deleted(deployed: Deployed, met: Met):
    deployed.reconfigure("target: prod", "dbt_version: 1.99.*")
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    place = deployed.state.dbt(f"1.99.x-duckdb-{python}") / "bin"
    place.mkdir(parents=True)
    (place / "python").symlink_to(sys.executable)
    with deployed.unchanged():
        ended = deployed.attempt("prod__daily")
    assert ended.step == "create_profile"
    met(ended.message)


def test_versions_that_check_finds(
    deployed: Deployed,
    met: Met,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))  # else uv may know the index
    deployed.reconfigure("target: prod", "dbt_version: 1.99.*")
    assert main(["check", "--online"]) == 1
    told = capsys.readouterr().err.splitlines()[1]
    assert "nobody can say" in told
    met(told)
    index(tmp_path / "index", monkeypatch)
    assert main(["check"]) == 1
    met("\n".join(capsys.readouterr().err.splitlines()[1:]))


@pytest.mark.parametrize("case", PUSHED)
def test_a_profile_that_is_wrong(deployed: Deployed, case: str, met: Met):
    content, words = PUSHED[case]
    merged = deployed.merge({"profiles.yml": content})
    assert merged.ended.step == "create_profile"
    assert words in merged.ended.message
    assert merged.problem == f"environment 'prod' was not deployed: {merged.ended.message}"
    met(merged.ended.message)


LEADING_OUT = {
    "packages": ("packages-install-path: ../../x", "packages-install-path: found '../../x', which"),
    "cleaned": ("clean-targets: [/var/nothing]", "clean-targets: found '/var/nothing', which"),
    "read": ("model-paths: [models, /etc]", "model-paths: found '/etc', which leads out"),
    "no Jinja": ('model-paths: ["{{ x }}"]', "model-paths[0], '{{ x }}', can't be rendered: "),
    "no value": (
        "model-paths: [\"{{ env_var('DBT_NO') }}\"]",
        "wants the environment variable 'DBT_NO', which is not set",
    ),
}


@pytest.mark.parametrize("case", LEADING_OUT)
def test_a_path_that_leads_out_of_the_repository(deployed: Deployed, case: str, met: Met):
    line, words = LEADING_OUT[case]
    merged = deployed.merge({"dbt_project.yml": f"name: tiny\nprofile: tiny\n{line}\n"})
    assert merged.ended.step == "create_profile"
    assert words in merged.ended.message
    assert merged.problem == f"environment 'prod' was not deployed: {merged.ended.message}"
    met(merged.ended.message)


@pytest.mark.parametrize("name", ["models/linked.sql", "profiles.yml"])
def test_a_link_that_leads_out_of_the_repository(deployed: Deployed, name: str, met: Met):
    link = deployed.working_copy / name
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/hostname")
    merged = deployed.merge({})
    assert merged.ended.step == "create_profile"
    assert f"{name!r}" in merged.ended.message
    assert "which leads out of the repository, to '/etc/hostname'; replace it" in (
        merged.ended.message
    )
    met(merged.ended.message)
