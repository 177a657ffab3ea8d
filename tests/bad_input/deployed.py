"""A deployment that works, for tests to harm, and everything that must not change then."""

import hashlib
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from deploy_project.releases.prepare import deploy, prepare
from tests.support.deployments.site import PROJECT, Site, make_site

FILES = {
    **PROJECT,
    "profiles.yml": """
        tiny:
          target: prod
          outputs:
            prod: &output
              type: duckdb
              path: "{{ env_var('DEPLOY_STATE') }}/warehouse.duckdb"
              schema: main
              threads: 2
            staging:
              <<: *output
              path: "{{ env_var('DEPLOY_STATE') }}/staging.duckdb"
    """,
}

# `staging` has a branch of its own: what is pushed to `main` is no business of it. Nothing listens
# at `dagster_url`: a reload must not be asked of somebody's Dagster.
DEPLOY = """
    dagster_url: http://127.0.0.1:9
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod: {type: production, branch: main, target: prod}
      staging: {type: staging, branch: stable, target: staging}
"""

JOBS = """
    jobs:
      daily:
        environment: prod
        execute_steps: [dbt build]
        generate_docs: true
        schedule: {cron: 0 6 * * *}
        triggers: {schedule: true, on_merge: true}
      plain:
        environment: prod
        execute_steps: [dbt build]
      slim:
        environment: staging
        deferring_environment: prod
        execute_steps: ["dbt build --select state:modified"]
        schedule: {cron: 0 3 * * *}
        triggers: {schedule: true}
"""

WHOLE = {
    "assets": [
        *("deploy_project", "prod/jobs/daily", "prod/jobs/plain", "prod/orders", "prod/revenue"),
        *("staging/jobs/slim", "staging/orders", "staging/revenue"),
    ],
    "jobs": [
        *("prod__daily", "prod__plain", "prod__requested"),
        *("staging__requested", "staging__slim"),
    ],
    "schedules": {"prod__daily_schedule": "0 6 * * *", "staging__slim_schedule": "0 3 * * *"},
    "sensors": ["run_records", "tiny_merges"],
}
"""The outline of the deployment as it is made."""

SENSOR = "tiny_merges"


@dataclass(frozen=True)
class Ended:
    """What people see of a run that has ended."""

    success: bool
    step: str
    """The step that has failed; empty for none."""
    message: str
    """What Dagster shows first of the failure."""
    recorded: str
    """The message in the run record."""


@dataclass(frozen=True)
class Ticked:
    """What people see of a tick of the merge sensor."""

    error: str
    """Of the failed tick; empty for none."""
    said: str
    """The log of the tick."""
    cursor: str
    started: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merged:
    """What people see of a commit that can't be deployed."""

    problem: str
    """What the merge sensor says, in its failed ticks too."""
    ended: Ended
    """The run of the merge job."""


@dataclass(frozen=True)
class Deployed(Site):
    """Two environments, both deployed, and a successful run in production."""

    def reconfigure(self, old: str, new: str) -> None:
        """Replace a part of deploy.yaml."""
        assert old in DEPLOY
        self.configure(jobs=JOBS, deploy=DEPLOY.replace(old, new))

    def attempt(
        self,
        job: str,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Ended:
        """Run a job, and return what people see of it."""
        done = self.run(job, tags, config=config)
        failures = self.events(done.run_id, dg.DagsterEventType.STEP_FAILURE)
        entries = self._entries(done.run_id, dg.DagsterEventType.STEP_FAILURE)
        message = ""
        if failures:
            user = failures[0].user_failure_data
            message = str(user.description if user else failures[0].error)
        elif not done.success:
            message = str(self.events(done.run_id, dg.DagsterEventType.RUN_FAILURE)[0].error)
        known = self.deployment.jobs.get(job)
        is_recorded = known is not None and known.job_type != "ci"
        return Ended(
            success=done.success,
            step=entries[0] if entries else "",
            message=message,
            recorded=str(self.record(done.run_id).get("message", "")) if is_recorded else "",
        )

    def _entries(self, run_id: str, kind: dg.DagsterEventType) -> list[str]:
        with self.instance() as instance:
            return [entry.step_key or "" for entry in instance.all_logs(run_id, of_type=kind)]

    def tick(self, cursor: str = "") -> Ticked:
        """Evaluate the merge sensor once, as the daemon does."""
        sensor: Any = self.definitions().get_repository_def().get_sensor_def(SENSOR)
        said: list[str] = []
        with self.instance() as instance:
            context: Any = dg.build_sensor_context(
                instance=instance, cursor=cursor or None, sensor_name=SENSOR
            )
            for level in ("info", "warning", "error"):
                setattr(context.log, level, said.append)
            try:
                result = sensor(context)
            except Exception as error:
                return Ticked(f"{type(error).__name__}: {error}", "\n".join(said), cursor)
        started = tuple(request.job_name for request in result.run_requests or ())
        return Ticked("", "\n".join(said), result.cursor or cursor, started)

    def settled(self) -> str:
        """Return the cursor of a sensor that has nothing to do."""
        return self.tick().cursor

    def merge(self, files: Mapping[str, str | None]) -> Merged:
        """Push `files` to production's branch; assert that nothing changes, and all see why."""
        cursor = self.settled()
        self.push(files)
        with self.unchanged():
            ticked = self.tick(cursor)
            again = self.tick(ticked.cursor)
            ended = self.attempt("prod__daily")
        assert ticked.started == ("prod__daily",), "its failed run shows the failure to everybody"
        assert not ended.success
        assert ended.message == ended.recorded
        problem = again.error.removeprefix("DeployError: ")
        assert problem
        assert ticked.said.endswith(problem)
        return Merged(problem, ended)

    def outline(self) -> dict[str, Any]:
        """What people see of the code location."""
        repository = self.definitions().get_repository_def()
        keys = repository.asset_graph.get_all_asset_keys()
        return {
            "assets": sorted(key.to_user_string() for key in keys),
            "jobs": sorted(name for name in repository.job_names if name != "__ASSET_JOB"),
            "schedules": {each.name: each.cron_schedule for each in repository.schedule_defs},
            "sensors": sorted(each.name for each in repository.sensor_defs),
        }

    def description(self, asset: str) -> str:
        """What the UI says about an asset, such as `prod/not_shown`."""
        graph = self.definitions().get_repository_def().asset_graph
        return graph.get(dg.AssetKey(asset.split("/"))).description or ""

    def kept(self) -> dict[str, str]:
        """What others rely on: pointers, published state and docs, warehouses; file by file."""
        root, found = self.state.root, [*self.state.root.glob("*.duckdb")]
        for place in ("deployed", "artifacts/environments", "artifacts/jobs"):
            found += [file for file in (root / place).rglob("*") if file.is_file()]
        return {str(file.relative_to(root)): _digest(file) for file in found}

    @contextmanager
    def unchanged(self, *, but: str = "") -> Generator[None]:
        """Assert that nothing changes that others rely on, except a file called `but`."""
        before = self.kept()
        yield
        assert _without(self.kept(), but) == _without(before, but)
        assert self.outline() == WHOLE


def _without(files: Mapping[str, str], name: str) -> dict[str, str]:
    return {file: digest for file, digest in files.items() if file != name}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make(root: Path) -> Deployed:
    """Make the deployment in `root`."""
    make_site(root, FILES)
    made = Deployed(root)
    commit = made.push({}, "Go on", ref="stable")
    made.push({}, "Go on")
    made.configure(jobs=JOBS, deploy=DEPLOY)
    ended = made.attempt("prod__daily")
    assert ended.success, ended.message
    deployment = made.deployment
    staging = deployment.environments["staging"]
    ready = prepare(deployment, staging, commit, made.state, on_line=print)
    deploy(deployment, staging, ready, made.state)
    return made


def copy(template: Deployed, root: Path) -> Deployed:
    """Return a deployment of its own that is like `template`."""
    shutil.copytree(template.root, root, dirs_exist_ok=True, symlinks=True)
    made = Deployed(root)
    made.git("remote", "set-url", "origin", str(made.remote))
    made.configure(jobs=JOBS, deploy=DEPLOY)
    return made
