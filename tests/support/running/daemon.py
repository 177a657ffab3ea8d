"""Sensors as Dagster's daemon evaluates them, tick by tick, and the runs that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
import pytest

from deploy_project.errors import DeployError
from deploy_project.runs.model import tags
from tests.support.deployments.dagster_jobs import ORIGIN, nothing
from tests.support.deployments.site import Site


@dataclass(frozen=True)
class Tick:
    """What the daemon takes from one tick that has not failed."""

    requests: Sequence[dg.RunRequest]
    skipped: str
    cursor: str


@dataclass
class Daemon:
    """Keeps the cursor of each sensor, which a failed tick does not move."""

    site: Site
    instance: dg.DagsterInstance
    cursors: dict[str, str] = field(default_factory=dict[str, str])

    def tick(self, sensor: str = "tiny_merges") -> Tick:
        definitions = self.site.definitions()
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(sensor),
            definitions=definitions,
            sensor_name=sensor,
        )
        done = definitions.get_repository_def().get_sensor_def(sensor).evaluate_tick(context)
        assert done.cursor is not None
        self.cursors[sensor] = done.cursor
        return Tick(done.run_requests or [], done.skip_message or "", done.cursor)

    def fails(self, sensor: str = "tiny_merges") -> str:
        """Return the message of a tick that fails."""
        with pytest.raises(DeployError) as raised:
            self.tick(sensor)
        return str(raised.value)


def run(
    daemon: Daemon, request: dg.RunRequest, status: dg.DagsterRunStatus
) -> tuple[str, Mapping[str, str]]:
    """Create the run of a request, as the daemon does; return its id and its tags."""
    made = {tags.JOB: request.job_name or "", **request.tags}
    created = daemon.instance.create_run_for_job(
        nothing, status=status, tags=made, remote_job_origin=ORIGIN
    )
    return created.run_id, made


def status(daemon: Daemon, run_id: str) -> str:
    """The status of a run, in Dagster's word."""
    found = daemon.instance.get_run_by_id(run_id)
    assert found is not None
    return found.status.value
