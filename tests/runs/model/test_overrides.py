"""The overrides of a run: read, refused, applied to its job, and told."""

from collections.abc import Mapping
from typing import Any

import pytest

from deploy_project.errors import ConfigError
from deploy_project.runs.model import overrides
from deploy_project.runs.model.overrides import Overrides, read
from tests.support.deployments.jobs import job as job_of

JOB = job_of("dbt build")


def test_overrides_that_are_none_change_nothing():
    nulls = dict.fromkeys(Overrides.__dataclass_fields__)
    assert read(nulls) == overrides.NONE
    assert overrides.NONE.applied(JOB) is JOB
    assert (overrides.NONE.written, overrides.told({})) == ({}, "")


def test_each_override_replaces_what_the_job_says():
    asked = read(
        {
            "steps": ["dbt seed", "dbt run -s 'a b'"],
            "threads": 8,
            "target_name": "big",
            "dbt_version": "1.10.*",
            "timeout_seconds": 0,
            "generate_docs": True,
        }
    )
    job = asked.applied(JOB)
    assert job.commands == ("dbt seed", "dbt run -s 'a b'")
    assert job.steps == (("seed",), ("run", "-s", "a b"))
    assert (job.threads, job.target_name, job.dbt_version) == (8, "big", "1.10.*")
    assert (job.timeout_seconds, job.generate_docs) == (0, True)
    assert read(asked.written) == asked
    assert overrides.told(asked.written) == (
        "steps `dbt seed`, `dbt run -s 'a b'`, threads 8, target name big, dbt version 1.10.*, "
        "timeout 0 s, docs on"
    )


@pytest.mark.parametrize(
    ("text", "version"), [("versionless", None), ("1.7.0-latest", "1.7.*"), ("1.9", "1.9")]
)
def test_a_version_is_written_as_in_a_jobs_file(text: str, version: str | None):
    assert read({"dbt_version": text}).applied(JOB).dbt_version == version


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"threads": 0}, "override 'threads': Input should be greater than or equal to 1, found 0"),
        ({"threads": "8"}, "override 'threads': Input should be a valid integer, found '8'"),
        ({"threads": True}, "override 'threads': Input should be a valid integer, found True"),
        ({"timeout_seconds": -1}, "override 'timeout_seconds': Input should be greater than"),
        ({"generate_docs": "no"}, "override 'generate_docs': Input should be a valid boolean"),
        ({"target_name": ""}, "override 'target_name': String should have at least 1 character"),
        ({"target_name": "x" * 101}, "override 'target_name': String should have at most 100"),
        ({"target_name": "../x"}, "override 'target_name' is no name of a target, found '../x'"),
        ({"target_name": "prod\n"}, "override 'target_name' is no name of a target, found 'prod"),
        ({"dbt_version": "new"}, "override 'dbt_version' is not a version of dbt, found 'new'"),
        ({"steps": ["rm -rf /"]}, "override 'steps.0': the command is not a dbt command, found"),
        ({"steps": ["dbt run", "dbt run && x"]}, "'steps.1': the command is more than one command"),
        ({"steps": ["dbt run -s " + "a" * 9_990]}, "is too long, found 10001 characters; use at"),
        ({"steps": ["dbt docs serve"]}, "override 'steps.0': the command never ends"),
        ({"steps": ["dbt run"] * 101}, "override 'steps': Tuple should have at most 100 items"),
        ({"destroy": True}, "override 'destroy' is none of a run's; it has steps, threads"),
    ],
)
def test_a_wrong_override_is_told_with_what_was_found(given: Mapping[str, Any], said: str):
    with pytest.raises(ConfigError) as raised:
        read(given)
    assert said in str(raised.value)


@pytest.mark.parametrize("name", ["prod", "Prod EU", "prod.eu-1", "2"])
def test_a_target_may_have_any_name(name: str):
    assert read({"target_name": name}).target_name == name


def test_a_step_may_be_long():
    step = "dbt run -s " + "a" * 9_989
    assert read({"steps": [step]}).steps == (step,)


def test_all_problems_are_told_at_once():
    with pytest.raises(ConfigError) as raised:
        read({"threads": 0, "timeout_seconds": -1})
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("config", [None, [], {"ops": []}, {"ops": {"plan": {"config": 7}}}])
def test_a_configuration_of_another_shape_has_none(config: Any):
    assert overrides.of_config(config) == overrides.NONE
    assert overrides.job_asked_for(config) == ""


def test_overrides_survive_the_way_through_dagster():
    asked = Overrides(steps=("dbt run",), threads=2)
    assert overrides.of_config(overrides.config_of_steps(JOB, asked)) == asked
    assert overrides.job_asked_for(overrides.config_of_steps(JOB, asked)) == JOB.name
    assert overrides.of_config(overrides.config_of_job(Overrides(threads=2))).threads == 2
    assert overrides.config_of_job(overrides.NONE) == {}
