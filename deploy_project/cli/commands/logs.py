"""`deploy-project logs`: prints the logs of a run's steps, and follows them if asked to."""

import time
from argparse import Namespace

from deploy_project.cli.context import loaded, past_runs
from deploy_project.errors import ArtifactError
from deploy_project.releases.given import scrubber
from deploy_project.runs.store.artifacts import Artifacts
from deploy_project.runs.store.logs import CONSOLE, DEBUG, Tail

POLL_SECONDS = 1.0


def logs(name: str, *, step: int | None, debug: bool, follow: bool) -> int:
    """Print the logs of the run that `name` names; raise `ArtifactError` when there are none."""
    found, deployment = loaded()
    artifacts = Artifacts.of(deployment, found.state)
    file = DEBUG if debug else CONSOLE
    hidden = scrubber(deployment)
    with past_runs(found, deployment) as known:
        run = known.find(name)
        tail = Tail(run.id, found.state, artifacts, file=file, step=step, shown=hidden.text)
        said = _print(tail)
        while follow and not run.status.has_ended:
            time.sleep(POLL_SECONDS)
            run = known.by_id(run.id)
            said = _print(tail) or said
    if not said:
        known = ", ".join(tail.steps().values()) or "none"
        which = f" of step {step}" if step is not None else ""
        raise ArtifactError(
            f"run {run.id} ({run.status}) has left no {file}{which} in {artifacts.run(run.id)}; "
            f"steps found there: {known}"
        )
    return 0


def _print(tail: Tail) -> bool:
    """Print the new text of the logs, and return whether there was any."""
    said = False
    for text in tail.new():
        print(text, end="", flush=True)
        said = True
    return said


def act(given: Namespace) -> int:
    """Carry out `logs` as it was given on the command line; return the exit code."""
    return logs(given.run, step=given.step, debug=given.debug, follow=given.follow)
