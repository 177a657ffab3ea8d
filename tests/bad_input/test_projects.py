"""Commits whose dbt project is broken: they are refused, loudly, and production stays."""

import pytest

from tests.bad_input.deployed import WHOLE, Deployed
from tests.support.documented_messages import Met

pytestmark = pytest.mark.slow

UNREADABLE = {
    "syntax": ("name: tiny\nprofile: [\n", "dbt_project.yml is not valid YAML: "),
    "no profile": ("name: tiny\n", "dbt_project.yml: profile: found None"),
    "no mapping": ("- tiny\n", "dbt_project.yml holds no mapping but list"),
    "gone": (None, "there is no dbt_project.yml in the root of commit "),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_project_file_that_is_broken(deployed: Deployed, case: str, met: Met):
    content, words = UNREADABLE[case]
    merged = deployed.merge({"dbt_project.yml": content})
    assert merged.ended.step == "create_profile"
    assert words in merged.ended.message
    assert merged.problem == f"environment 'prod' was not deployed: {merged.ended.message}"
    met(merged.ended.message)
    met(merged.problem)


def test_a_project_file_that_dbt_refuses(deployed: Deployed, met: Met):
    """What dbt says of deprecations pushed the error itself out of the message."""
    text = "name: tiny\nprofile: tiny\nmodel-pathz: [x]\nvars: 3\n"
    merged = deployed.merge({"dbt_project.yml": text})
    assert merged.ended.step == "dbt_build", "there is nothing to install, so dbt deps is not asked"
    assert "at path ['vars']: 3 is not valid" in merged.ended.message
    assert "Summary of encountered deprecations" not in merged.ended.message
    met(merged.ended.message)


def test_packages_that_are_not_there(deployed: Deployed, met: Met):
    text = "packages:\n  - git: http://127.0.0.1:9/x.git\n    revision: main\n"
    merged = deployed.merge({"packages.yml": text})
    assert merged.ended.step == "dbt_deps"
    assert "unable to access 'http://127.0.0.1:9/x.git/'" in merged.ended.message
    met(merged.ended.message)


def test_packages_that_are_no_yaml(deployed: Deployed, met: Met):
    merged = deployed.merge({"packages.yml": "packages:\n  - package: [\n"})
    assert merged.ended.step == "dbt_deps"
    assert "Syntax error near line 3" in merged.ended.message
    met(merged.ended.message)


def test_a_model_that_does_not_parse(deployed: Deployed, met: Met):
    merged = deployed.merge({"models/bad.sql": "select {{ ref('orders' }}"})
    assert merged.ended.step == "dbt_build"
    for said in (merged.ended.message, merged.problem):
        assert "Compilation Error in model bad (models/bad.sql)" in said
    assert "can't be deployed to 'prod'; `dbt parse` failed (exit 2): " in merged.problem
    met(merged.ended.message)
    met(merged.problem)


def test_models_that_refer_to_each_other(deployed: Deployed, met: Met):
    """`dbt parse` takes a circle, and the sensor deployed a commit that could never be built."""
    files = {
        "models/a.sql": "select * from {{ ref('b') }}",
        "models/b.sql": "select * from {{ ref('a') }}",
    }
    merged = deployed.merge(files)
    assert "circle: model.tiny." in merged.problem
    assert merged.ended.step == "dbt_build"
    assert merged.ended.message.startswith("`dbt build` failed (exit 2): Found a cycle: ")
    assert "Traceback" not in merged.ended.message
    met(merged.ended.message)
    met(merged.problem)


def test_a_project_whose_directory_is_wrong_keeps_its_schedules(deployed: Deployed, met: Met):
    """A wrong `subdirectory` of a deployed project took the whole code location down."""
    kept = deployed.kept()
    deployed.reconfigure("REMOTE}", "REMOTE, subdirectory: dbt}")
    outline = deployed.outline()
    assert outline == {
        **WHOLE,
        "assets": [
            *("deploy_project", "prod/jobs/daily", "prod/jobs/plain", "prod/not_shown"),
            *("staging/jobs/slim", "staging/not_shown"),
        ],
    }
    description = deployed.description("prod/not_shown")
    assert "there is no dbt_project.yml in directory 'dbt'" in description
    met(description)
    ended = deployed.attempt("prod__daily")
    assert ended.step == "create_profile"
    met(ended.message)
    assert deployed.kept() == kept
