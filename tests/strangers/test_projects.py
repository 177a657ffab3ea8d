"""Hostile projects: profiles, keys, packages, links and names, each a pull request of its own."""

from collections.abc import Generator, Iterator

import pytest

from deploy_project.dbt.processes import sandbox
from tests.support.hostile.deployment import Deployment, Snapshot, deployed
from tests.support.hostile.projects import PROJECTS, Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it"),
]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("hostile")) as made:
        yield made


OFTEN = 3
"""Every such row is in the suite; all of them take three minutes."""


@pytest.fixture
def unharmed(deployment: Deployment) -> Generator[list[str]]:
    """The commits of a test; all else of the deployment must be as it was before."""
    before: Snapshot = deployment.snapshot()
    heads: list[str] = []
    yield heads
    deployment.assert_unharmed(before, *heads)


@pytest.mark.parametrize(
    ("number", "project"),
    list(enumerate(PROJECTS, start=100)),
    ids=lambda value: value.name if isinstance(value, Project) else "",
)
def test_a_hostile_project_comes_to_nothing(
    deployment: Deployment,
    unharmed: list[str],
    request: pytest.FixtureRequest,
    number: int,
    project: Project,
):
    tries_all = request.config.getoption("--strangers") == "all"
    if not tries_all and number % OFTEN:
        pytest.skip("`make strangers` tries it")
    head = deployment.push(number, project.files, project.links)
    unharmed.append(head)
    if not project.needs_a_run and not tries_all:
        said = deployment.prepared(number, head)
    else:
        run = deployment.run(number, head)
        deployment.assert_ended_well(run)
        said = "" if run.success else deployment.error(run)
    deployment.assert_discreet()
    assert project.says in said
    assert bool(said) or not project.says
    assert "Traceback" not in said
