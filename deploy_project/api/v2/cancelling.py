"""The cancellation of runs, also of those that Dagster can't end while they start."""

import logging
import threading
import time

from deploy_project.api.front.front import Front
from deploy_project.errors import LaunchError
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun

_LOG = logging.getLogger("deploy_project")
_CANCEL_SECONDS, _LOOK_SECONDS = 5.0, 0.5
_START_SECONDS = 200.0
"""Dagster gives up a run that has not begun within 180."""


def cancel(front: Front, run: PastRun) -> None:
    """Cancel a run; one that is starting, which Dagster can't end then, as soon as it has begun."""
    if not _is_cancelled(front, run.id, seconds=_CANCEL_SECONDS):
        threading.Thread(target=_cancel_later, args=(front, run.id), daemon=True).start()


def _cancel_later(front: Front, run_id: str) -> None:
    try:
        _is_cancelled(front, run_id, seconds=_START_SECONDS)
    except Exception:  # nobody waits for this thread: the log has to tell
        _LOG.exception("Run %s could not be cancelled when it had begun", run_id)


def _is_cancelled(front: Front, run_id: str, *, seconds: float) -> bool:
    """Cancel a run; return whether that was possible within so many seconds."""
    until, was_starting = time.monotonic() + seconds, True
    while True:
        try:
            front.dagster.cancel(run_id)
        except LaunchError:
            now = front.runs.by_id(run_id)
            if now.status.has_ended or now.status is Status.CANCELLING:
                return True
            if not was_starting:  # it may have begun just after it was refused, but no longer ago
                raise
            was_starting = now.status is Status.STARTING
            if was_starting and time.monotonic() >= until:
                return False
            time.sleep(_LOOK_SECONDS)
        else:
            return True
