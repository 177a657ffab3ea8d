"""Shared by `demo` and `demo-pr`: loading the example, runs of its jobs, and short paths."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from upath import UPath

from deploy_project.cli.context import loaded, past_runs
from deploy_project.config.environment import Settings, be_at_home, is_example
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError, LaunchError
from deploy_project.example.remote import make_remote, working_copy
from deploy_project.notify.notifier import Notifier
from deploy_project.runs.instance import history
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted

# Dagster's other command would need a daemon.
_QUIET = ("-W", "ignore:Function `job_execute_command` is superseded")


def example() -> tuple[Settings, Deployment]:
    """Return the settings and the example's deployment, with remote and working copy made.

    Raises `ConfigError` where the configuration is not the embedded example.
    """
    found, deployment = loaded()
    if not is_example(found.config_file):
        raise ConfigError(
            f"the configuration here is {found.config_file}, not the embedded example; go to a "
            "directory without a deploy.yaml, and unset DEPLOY_CONFIG"
        )
    be_at_home()
    make_remote(found.state)
    working_copy(found.state)
    return found, deployment


def executed(job: str, tags: Mapping[str, str] | None = None) -> PastRun:
    """Run `job` in a process of its own, as `dagster job execute` does by hand."""
    before = newest(job)
    command = [sys.executable, *_QUIET, "-m", "dagster", "job", "execute", "--tags"]
    command += [json.dumps(dict(tags or {})), "-m", "deploy_project.definitions", "-j", job]
    with subprocess.Popen(command) as child:
        try:
            code = child.wait()
        except KeyboardInterrupt:  # the child has it too, and ends the run properly
            child.wait()
            raise
    run = newest(job)
    if run is None or run == before:
        raise LaunchError(f"`dagster job execute` ended with {code} before a run had begun")
    return run


def told(found: Settings, deployment: Deployment) -> None:
    """Deliver the messages on the runs that have ended, as a sensor does while Dagster runs."""
    with past_runs(found, deployment) as runs:
        Notifier(deployment, found.state, runs).tick(datetime.now(UTC))


def newest(job: str) -> PastRun | None:
    """Return the newest run of `job`, if it has had one."""
    with history.opened() as instance:
        return Runs(instance).newest(Wanted(jobs={job}))


def near(path: Path | UPath) -> str:
    """Return `path` relative to the working directory when it is below it."""
    local = Path(str(path))
    return str(local.relative_to(Path.cwd()) if local.is_relative_to(Path.cwd()) else path)
