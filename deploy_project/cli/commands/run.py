"""`deploy-project run`: starts a run of a job, and waits for it if asked to."""

import signal
import threading
import time
from argparse import Namespace
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from deploy_project.cli.context import loaded
from deploy_project.config.environment import Settings, person
from deploy_project.config.values.deployment import Deployment, Job
from deploy_project.config.values.named import named_job
from deploy_project.errors import LaunchError
from deploy_project.git.mirror import full_commit
from deploy_project.orchestration.processes import daemon
from deploy_project.releases.given import scrubber
from deploy_project.runs.instance import history
from deploy_project.runs.instance.launching import Dagster
from deploy_project.runs.model import overrides, tags
from deploy_project.runs.model.status import Status
from deploy_project.runs.requests.by_hand import Wish, by_hand
from deploy_project.runs.requests.request import Request
from deploy_project.runs.store.artifacts import Artifacts
from deploy_project.runs.store.logs import Tail

_INTERRUPTED = 130
_DESERTED_SECONDS = 15
_DESERTED = (
    "Nobody takes runs from the queue: Dagster's daemon gives no sign of life. Start it, with "
    "`deploy-project dev`, `dagster dev` or `dagster-daemon run`; the run waits until then."
)


def run(name: str, wish: Wish, *, wait: bool) -> int:
    """Start a run of the job `name`; with `wait`, return 0 or 1 as it ends."""
    found, deployment = loaded()
    job = named_job(deployment, name)
    return start(job, by_hand(job, wish, deployment), found, deployment, wait=wait)


def start(job: Job, asked: Request, found: Settings, deployment: Deployment, *, wait: bool) -> int:
    """Start the run of `job` that is asked for; with `wait`, return 0 or 1 as it ends."""
    dagster = Dagster.of(deployment)
    run_id = dagster.launch(asked.job_name, asked.tags, asked.run_config)
    number, page = tags.run_number(run_id), deployment.run_page(run_id)
    started = f"Started {job.name} as run {run_id} (number {number})\n{page}"
    if not wait:
        print(started)
        return 0
    artifacts, hidden = Artifacts.of(deployment, found.state), scrubber(deployment)
    tail = Tail(run_id, found.state, artifacts, shown=hidden.text)
    return _wait(dagster, run_id, tail, started)


@contextmanager
def _ending_as_interrupted() -> Generator[None]:
    """Have SIGTERM do the same as Ctrl-C meanwhile: CI servers and Airflow end a step by it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread hears signals
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait(dagster: Dagster, run_id: str, tail: Tail, started: str) -> int:
    with _ending_as_interrupted():
        return _waited(dagster, run_id, tail, started)


def _waited(dagster: Dagster, run_id: str, tail: Tail, started: str) -> int:
    try:
        print(started, flush=True)  # from now on Ctrl-C is meant for the run
        return 0 if _follow(dagster, run_id, tail) is Status.SUCCESS else 1
    except KeyboardInterrupt:
        print("Cancelling the run; press Ctrl-C again to leave it to itself", flush=True)
        _follow(dagster, run_id, tail, cancelling=True)
        return _INTERRUPTED


def _follow(
    dagster: Dagster, run_id: str, tail: Tail, *, cancelling: bool = False
) -> Status | None:
    """Print the log of the run and each new status until it ends; return its last status."""
    last, queue = None, _Queue()
    for status in dagster.statuses(run_id):
        for text in tail.new():
            print(text, end="", flush=True)
        if status != last:
            print(f"--- {status}", flush=True)
            last = status
        if status is Status.QUEUED and queue.is_deserted():
            print(_DESERTED, flush=True)
        if cancelling and not (status.has_ended or status is Status.CANCELLING):
            with suppress(LaunchError):  # a run that is just starting can't be cancelled yet
                dagster.cancel(run_id)
    return last


@dataclass
class _Queue:
    """Dagster's queue while a run waits in it: somebody has to take runs from there."""

    begun: float = field(default_factory=time.monotonic)
    told: bool = False

    def is_deserted(self) -> bool:
        """Return whether nobody has taken runs for `_DESERTED_SECONDS`; true once at most."""
        if self.told or time.monotonic() - self.begun < _DESERTED_SECONDS:
            return False
        self.begun = time.monotonic()  # and is looked at again as much later
        with history.opened() as instance:
            self.told = not daemon.takes_from_queue(instance)
        return self.told


def act(given: Namespace) -> int:
    """Carry out `run` as it was given on the command line; return the exit code."""
    wish = Wish(
        cause=given.cause,
        commit=full_commit(given.commit) if given.commit is not None else None,
        branch=given.branch,
        schema=given.schema,
        pull_request=given.pull_request,
        overrides=overrides.read(
            {
                "steps": tuple(given.step),
                "threads": given.threads,
                "target_name": given.target_name,
                "dbt_version": given.dbt_version,
                "timeout_seconds": given.timeout,
                "generate_docs": given.docs,
            }
        ),
        who=person(),
    )
    return run(given.job, wish, wait=given.wait)
