"""The bell that a webhook's receiver or a command rings."""

from pathlib import Path

import pytest

from deploy_project.ci.pulls.bell import ask_now, last_ring
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Account, Deployment, Environment, Job, Project
from deploy_project.errors import ConfigError

SHOP, FINANCE = Project("shop", 1, "/shop"), Project("finance", 2, "/finance")
JOB = Job(
    name="staging__checks",
    identifier="checks",
    id=3,
    title="Checks",
    environment=Environment("staging", 4, SHOP, "staging"),
    description="",
    job_type="ci",
    steps=(("build",),),
    commands=("dbt build",),
    on_pull_request=True,
)
DEPLOYMENT = Deployment(
    Path("/nowhere"),
    Account(7, "Shop"),
    {"shop": SHOP, "finance": FINANCE},
    {"staging": JOB.environment},
    {JOB.name: JOB},
)


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory(tmp_path)


def test_each_ring_is_another_one(state: StateDirectory):
    heard = [last_ring(state, "shop")]
    for _ in range(3):
        ask_now(DEPLOYMENT, state, "shop")
        heard.append(last_ring(state, "shop"))
    assert heard[0] == ""
    assert len(set(heard)) == 4
    assert [each.name for each in state.bell("shop").parent.iterdir()] == ["shop"]


@pytest.mark.parametrize("name", ["finance", "unknown", "../../etc/passwd"])
def test_only_projects_with_jobs_for_pull_requests_have_one(state: StateDirectory, name: str):
    with pytest.raises(ConfigError, match="those that have: 'shop'"):
        ask_now(DEPLOYMENT, state, name)
    assert not state.bell("shop").parent.exists()
