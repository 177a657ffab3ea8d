"""Profiles, targets and versions of dbt that are not there."""

import pytest

from tests.bad_input.deployed import Deployed
from tests.bad_input.documented import Met

pytestmark = pytest.mark.slow

CONFIGURED = {
    "target": ("target: prod", "target: nope", "has no target 'nope' in profile 'tiny'"),
    "profile": (
        "target: prod",
        "profiles_directory: nowhere",
        "nowhere/profiles.yml does not exist",
    ),
    "adapter": (
        *("target: prod", "connection: {type: postgres, host: nowhere}"),
        "the profile's type is 'postgres', but dbt-postgres is not installed",
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


@pytest.mark.parametrize("case", PUSHED)
def test_a_profile_that_is_wrong(deployed: Deployed, case: str, met: Met):
    content, words = PUSHED[case]
    merged = deployed.merge({"profiles.yml": content})
    assert merged.ended.step == "create_profile"
    assert words in merged.ended.message
    assert merged.problem == f"environment 'prod' was not deployed: {merged.ended.message}"
    met(merged.ended.message)
