"""Fronts that are killed while programs trigger runs: no accepted trigger is lost."""

import random
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from deploy_project.config.values.tokens import digest
from deploy_project.runs.model.tags import run_number
from tests.cli.webserver import webserver
from tests.support.deployments.site import Site, make_site
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.running.running_front import RunningFront, deploy, running_front
from tests.support.waiting import PATIENCE

pytestmark = pytest.mark.e2e

TOKEN, KILLS, TRIGGERS = "secret", 4, 24
DEPLOY = f"""
    account: {{id: 7, name: Acme}}
    projects:
      tiny: {{repository: REMOTE, id: 10}}
    environments:
      prod: {{type: production, branch: main, target: prod, id: 20}}
    dagster_url: URL
    tokens:
      all: {{sha256: {digest(TOKEN)}, permissions: [account_admin]}}
"""
JOBS = """
    jobs:
      daily: {id: 1, environment: prod, execute_steps: [dbt build]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A deployment whose webserver answers, and where nobody takes runs from the queue."""
    made = make_site(tmp_path_factory.mktemp("killed"))
    shutil.copy(ROOT / "workspace.yaml", made.root)
    made.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", "http://127.0.0.1:1"))
    deploy(made)
    with webserver(made.root, made.environment) as url:
        made.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", url))
        yield made


def test_no_accepted_trigger_is_lost(site: Site):
    port, accepted = free_port(), list[int]()
    chance = random.Random(5)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(accept, site, port, each) for each in range(TRIGGERS)]
        for kill in range(KILLS + 1):
            with running_front(site, token=TOKEN, port=port) as front:
                if kill == KILLS:
                    accepted = [each.result(timeout=PATIENCE) for each in asked]
                else:
                    killed_between(front, asked, chance.uniform(0.1, 1.5))
    assert len(set(accepted)) == TRIGGERS
    assert set(accepted) <= {run_number(each) for each in site.run_ids()}


def killed_between(front: RunningFront, asked: list[Future[int]], seconds: float) -> None:
    """Kill a front that many after the next trigger has been accepted."""
    done = sum(each.done() for each in asked)
    until = time.monotonic() + PATIENCE
    while sum(each.done() for each in asked) == done < TRIGGERS:
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(seconds)
    assert front.process is not None
    front.process.kill()
    front.process.wait()


def accept(site: Site, port: int, number: int) -> int:
    """Trigger a run until it is accepted, as a client with an idempotency key does."""
    front = RunningFront(site, port, TOKEN, 7)
    until = time.monotonic() + PATIENCE
    while True:
        try:
            status, answer = front.call(
                "POST", "jobs/1/run/", {"cause": f"{number}"}, Idempotency_Key=f"key {number}"
            )
        except (OSError, ValueError):  # it was killed, perhaps while it answered
            assert time.monotonic() < until
            time.sleep(0.1)
            continue
        assert status == 200, answer
        return answer["data"]["id"]
