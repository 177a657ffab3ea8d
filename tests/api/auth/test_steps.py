import pytest

from deploy_project.api.auth.steps import refuse_connections
from deploy_project.api.http.problems import ApiError


@pytest.mark.parametrize(
    ("step", "option"),
    [
        ("dbt build --target prod", "--target"),
        ("dbt build --target=prod", "--target"),
        ("dbt --target prod build", "--target"),
        ("dbt build -t prod", "-t"),
        ("dbt build -tprod", "-t"),
        ("dbt build -xtprod", "-t"),
        ("dbt build '--target' prod", "--target"),
        ('dbt build --tar"get" prod', "--target"),
        ("dbt build --profile other", "--profile"),
        ("dbt build --profiles-dir=/tmp", "--profiles-dir"),
        ("dbt build --select a\t--target\nprod", "--target"),
    ],
)
def test_a_step_that_chooses_another_connection_is_refused(step: str, option: str):
    with pytest.raises(ApiError) as raised:
        refuse_connections("steps_override", ["dbt seed", step])
    assert raised.value.status == 400
    assert f"has the option {option}, which" in raised.value.data["steps_override"]


@pytest.mark.parametrize(
    "step",
    [
        "dbt build",
        "dbt build --select target+ --exclude tag:t",
        "dbt build -s tag:nightly -x",
        "dbt build -stag:t",
        "dbt build --threads 4 --target-path-like",
        "dbt run-operation t --args '{target: prod}'",
        'dbt build --vars \'{"a": "--target prod"}\'',
        "dbt build 'open quote",
    ],
)
def test_other_steps_pass(step: str):
    refuse_connections("steps_override", [step])


def test_a_long_step_is_told_shortly():
    with pytest.raises(ApiError) as raised:
        refuse_connections("execute_steps", ["dbt build --target " + "x" * 100_000])
    assert len(raised.value.data["execute_steps"]) < 400
