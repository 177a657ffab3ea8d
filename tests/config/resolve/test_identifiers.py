"""Numbers for what states none: stable, and told when two are the same."""

import random

from deploy_project.config.resolve.identifiers import clashes, number, numbers
from tests.support.deployments.configuration_files import Configuration

NAMES = [f"job_{index}" for index in range(500)]


def test_numbers_are_positive_and_have_31_bits() -> None:
    assert all(0 < number(name) < 2**31 for name in NAMES)


def test_a_number_never_changes() -> None:
    assert number("production") == 730732783


def test_numbers_depend_on_no_other_name() -> None:
    """A job that is added, moved or removed must not renumber the others' history."""
    chooser = random.Random(7)
    whole = numbers(dict.fromkeys(NAMES))
    for _ in range(20):
        some = chooser.sample(NAMES, k=chooser.randrange(1, len(NAMES)))
        assert numbers(dict.fromkeys(some)) == {name: whole[name] for name in some}


def test_stated_numbers_are_kept() -> None:
    assert numbers({"a": 5, "b": None}) == {"a": 5, "b": number("b")}


def test_clashes_name_both() -> None:
    assert clashes({"a": 1, "b": 2, "c": 1, "d": 1}) == [("a", "c"), ("a", "d")]


def test_a_stated_number_can_clash_with_a_derived_one(configuration: Configuration) -> None:
    derived = number("production__one")
    text = (
        f"jobs:\n  one: {{environment: production}}\n  two: {{environment: staging, id: {derived}}}"
    )
    assert configuration.problems({"jobs.yml": text}) == [
        f"jobs.yml:3: jobs.two.id: is also the id of 'production__one' at jobs.yml:2, "
        f"found {derived}; give one of them another `id`"
    ]


def test_projects_environments_and_jobs_are_numbered_apart(configuration: Configuration) -> None:
    deployment = configuration.load(
        {
            "deploy.yaml": """
            projects: {same: {id: 1, repository: /a}}
            environments: {same: {id: 1}}
            """,
            "jobs.yml": "jobs: {same: {id: 1, environment: same}}",
        }
    )
    assert deployment.jobs["same__same"].id == deployment.environments["same"].id == 1
