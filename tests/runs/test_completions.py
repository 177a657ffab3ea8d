import pytest

from deploy_project.config.cycles import cycles
from deploy_project.config.deployment import Completion, Environment, Job, Project
from deploy_project.runs.completions import Ended, starts

ENVIRONMENT = Environment("prod", 1, Project("shop", 1, "/shop.git"), "production")


def job(name: str, parent: str | None = None, *statuses: int) -> Job:
    return Job(
        name=name,
        identifier=name,
        id=1,
        title=name,
        environment=ENVIRONMENT,
        description="",
        job_type="scheduled",
        steps=(("build",),),
        commands=("dbt build",),
        completion=Completion(parent, statuses) if parent else None,
    )


JOBS = [
    job("parent"),
    job("on_success", "parent", 10),
    job("on_error", "parent", 20),
    job("on_cancel", "parent", 30),
    job("always", "parent", 10, 20, 30),
    job("of_another", "on_success", 10),
]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (10, ["on_success", "always"]),
        (20, ["on_error", "always"]),
        (30, ["on_cancel", "always"]),
    ],
)
def test_the_end_of_a_run_starts_who_waits_for_its_status(status: int, expected: list[str]):
    found = list(starts(JOBS, [Ended("r1", "parent", status)]))
    assert [start.job for start in found] == expected
    assert {start.key for start in found} == {f"{name}:r1" for name in expected}


def test_each_run_starts_its_children_in_the_order_of_the_ends():
    ended = [Ended("r1", "parent", 20), Ended("r2", "on_success", 10), Ended("r3", "parent", 30)]
    keys = [start.key for start in starts(JOBS, ended)]
    assert keys == ["on_error:r1", "always:r1", "of_another:r2", "on_cancel:r3", "always:r3"]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({}, []),
        ({"b": "a", "c": "b", "d": "a"}, []),
        ({"a": "a"}, [("a",)]),
        ({"a": "b", "b": "a"}, [("b", "a")]),
        ({"a": "c", "b": "a", "c": "b", "d": "a"}, [("b", "c", "a")]),
        ({"a": "b", "b": "a", "x": "y", "y": "x"}, [("b", "a"), ("y", "x")]),
    ],
    ids=["none", "tree", "itself", "two", "three and a tail", "two rings"],
)
def test_cycles(parents: dict[str, str], expected: list[tuple[str, ...]]):
    assert list(cycles(parents)) == expected
