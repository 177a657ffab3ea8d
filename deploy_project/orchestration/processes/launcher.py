"""Dagster's run launcher for one machine: one process for each run, which outlives all others.

The daemon and the webserver import this module, so it must need nothing of the deployment.
"""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress

import dagster as dg

from deploy_project.orchestration.internals import launching
from deploy_project.orchestration.processes import asked
from deploy_project.orchestration.processes.workers import Worker, reclaim, worker_of

PATIENCE_SECONDS = 60
"""How long a process may go on once its run has been ended without it."""
_LOOK_SECONDS = 5
"""Between looks at a process's run: it may have been cancelled in another container."""


class ProcessLauncher(launching.Launcher):
    """Starts, interrupts and looks after the processes of runs."""

    def launch(self, run: dg.DagsterRun) -> None:
        """Start the process of `run`, unless somebody else has."""
        instance = self.instance
        worker = worker_of(instance, run.run_id)
        reclaim(worker.directory.parent)
        command, variables = launching.run_command(instance, run)
        variables |= asked.variables(run)
        process = worker.start(command, {**os.environ, **variables})
        if process is None:
            self.say(run, "Another process has launched this run already; leaving it alone.")
            return
        self.say(run, f"Started process {process.pid}; what it prints is in {worker.log}")
        threading.Thread(
            target=self._look_after, args=(run.run_id, worker, process), daemon=True
        ).start()

    def interrupt(self, run: dg.DagsterRun) -> bool:
        """Have the process of `run` cancel itself; return whether that is under way."""
        worker = worker_of(self.instance, run.run_id)
        if worker.interrupt():
            return True
        if worker.is_alive() is False:
            self.instance.report_run_canceled(run, "Cancelled: its process had ended before.")
            return True
        self.say(
            run,
            "The process of this run is not here; the daemon that has started it interrupts it.",
        )
        return False

    def problem(self, run: dg.DagsterRun) -> str:
        """Return why `run` can't go on; empty when it can, or when nothing is known of it."""
        worker = worker_of(self.instance, run.run_id)
        return "" if worker.is_alive() is not False else _ended(worker, "without a word")

    def hint(self, run: dg.DagsterRun) -> str:
        """Return a sentence with the path of the process's log; empty without a log."""
        worker = worker_of(self.instance, run.run_id)
        return f"What its process has printed is in {worker.log}" if worker.log.exists() else ""

    def _look_after(self, run_id: str, worker: Worker, process: subprocess.Popen[bytes]) -> None:
        """Wait for the end of a process of ours; end the run with it when it did not itself."""
        with suppress(dg.DagsterInvariantViolationError):  # Dagster itself is being shut down
            code = self._ended_with_its_run(run_id, worker, process)
            run = self.instance.get_run_by_id(run_id)
            if run is None or run.is_finished:
                return worker.forget() if code == 0 else None
            message = _ended(worker, f"by {_name(code)}")
            if run.status is dg.DagsterRunStatus.CANCELING:
                self.instance.report_run_canceled(run, message)
            else:
                self.instance.report_run_failed(run, message)
        return None

    def _ended_with_its_run(
        self, run_id: str, worker: Worker, process: subprocess.Popen[bytes]
    ) -> int:
        """Return the exit code; interrupt the process of a run that somebody cancels elsewhere.

        A process that goes on for `PATIENCE_SECONDS` after the end of its run is killed.
        """
        over_since = None
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=_LOOK_SECONDS)
            run = self.instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                if run.status is dg.DagsterRunStatus.CANCELING and not worker.is_interrupted:
                    worker.interrupt()
                continue
            over_since = over_since or time.monotonic()
            if time.monotonic() - over_since >= PATIENCE_SECONDS:
                os.killpg(process.pid, signal.SIGKILL)


def _ended(worker: Worker, how: str) -> str:
    return (
        f"The process of this run has ended {how}: it was killed, had no memory left, or the "
        f"machine was restarted. What it has printed is in {worker.log}"
    )


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
