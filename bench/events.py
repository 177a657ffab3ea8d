"""Reads the Dagster instance of a measured deployment, and the delays of its events."""

import json
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import dagster as dg

from bench.deployments import Deployed
from deploy_project.orchestration.internals.events import MOMENT_SECONDS


@contextmanager
def instance_of(deployed: Deployed) -> Generator[dg.DagsterInstance]:
    """Open the storage that is shipped, of this deployment, and work in its directory from now on.

    The paths of dagster.yaml begin there.
    """
    os.environ |= {"DAGSTER_HOME": str(deployed.home)}
    os.chdir(deployed.home)
    with dg.DagsterInstance.get() as instance:
        yield instance


def delays(deployed: Deployed) -> list[float]:
    """Return the seconds between each model's end and its event in the storage, of the newest run.

    An event tells when it happened; the time that it may wait for others is added to each.
    """
    with instance_of(deployed) as instance:
        run_id = instance.get_runs(limit=1)[0].run_id
        built = dg.DagsterEventType.ASSET_MATERIALIZATION
        told = {
            each.dagster_event.asset_key.path[-1]: each.timestamp
            for each in instance.all_logs(run_id, of_type=built)
            if each.dagster_event is not None and each.dagster_event.asset_key is not None
        }
    (file,) = (deployed.root / "state" / "artifacts" / "runs" / run_id).glob(
        "*-dbt-build/target/run_results.json"
    )
    results = json.loads(file.read_bytes())["results"]
    return [
        told[each["unique_id"].split(".")[-1]] + MOMENT_SECONDS - _end(each["timing"])
        for each in results
    ]


def _end(timing: Sequence[Mapping[str, str]]) -> float:
    return max(datetime.fromisoformat(each["completed_at"]).timestamp() for each in timing)
