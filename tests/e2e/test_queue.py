"""Dagster's own queue and daemon with our dagster.yaml: who waits for whom."""

import pytest

from tests.e2e.dagster_dev import DagsterDev, dagster_dev
from tests.support.deployments.site import ENDLESS, PROJECT, make_site
from tests.support.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

JOBS = """
    jobs:
      slow: {environment: prod, execute_steps: [dbt run --select slow]}
      other_slow: {environment: other, execute_steps: [dbt run --select slow]}
      quick: {environment: other, execute_steps: [dbt parse]}
      ci: {environment: pulls, job_type: ci, execute_steps: [dbt parse]}
"""
DEPLOY = """
    dagster_url: URL
    account: {run_slots: 2}
    projects:
      tiny: {repository: REMOTE, pull_requests: {without_state: build_all}}
    environments:
      prod: {type: production, branch: main, target: prod}
      other: {branch: main, connection: {type: duckdb, path: "OTHER"}}
      pulls: {branch: main, connection: {type: duckdb, path: ":memory:"}}
"""


def test_runs_wait_for_their_own_kind_and_for_slots_and_pull_requests_for_nobody(
    tmp_path_factory: pytest.TempPathFactory,
):
    site = make_site(
        tmp_path_factory.mktemp("queue"),
        {**PROJECT, "models/slow.sql": ENDLESS},
    )
    port = free_port()
    deploy = DEPLOY.replace("URL", f"http://127.0.0.1:{port}")
    site.configure(deploy=deploy.replace("OTHER", str(site.root / "other.duckdb")), jobs=JOBS)
    with dagster_dev(site, port=port) as dev:
        _wait_for_whom(dev)


def _wait_for_whom(dev: DagsterDev) -> None:
    dev.wait("location", lambda: dev.assets())
    first = dev.launch("prod__slow")
    _started(dev, first)

    second = dev.launch("prod__slow")
    other = dev.launch("other__other_slow")
    _started(dev, other)
    assert dev.run(second).status == "QUEUED", "the other slot was free, but not for the same job"
    dev.terminate(second)
    assert dev.run(second).status == "CANCELED"

    waiting = dev.launch("other__quick")
    pulls = [dev.launch("pulls__ci", tags={"deploy/pull_request": each}) for each in ("1", "2")]
    assert [_ended(dev, each) for each in pulls] == ["SUCCESS", "SUCCESS"]
    assert dev.run(waiting).status == "QUEUED", "both slots are taken"
    assert {dev.run(each).status for each in (first, other)} == {"STARTED"}

    dev.terminate(first)
    assert _ended(dev, first) == "CANCELED"
    assert _ended(dev, waiting) == "SUCCESS"
    dev.terminate(other)
    assert _ended(dev, other) == "CANCELED"

    dev.wait("record of a run that never began", lambda: dev.run(second).built)
    assert dev.site.record(second)["message"] == "Cancelled by user."
    assert dev.site.record(first)["message"] == "Cancelled by user."
    assert "started by hand" not in dev.site.console(first, "01-clone-git-repository")


def _started(dev: DagsterDev, run_id: str) -> None:
    def at_it() -> bool:
        status = dev.run(run_id).status
        assert status in ("QUEUED", "STARTING", "STARTED"), status
        return status == "STARTED"

    dev.wait(f"start of run {run_id}", at_it)


def _ended(dev: DagsterDev, run_id: str) -> str:
    def end() -> str | None:
        status = dev.run(run_id).status
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    return dev.wait(f"end of run {run_id}", end)
