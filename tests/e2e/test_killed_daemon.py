"""`dagster-daemon run`, killed with all its processes in each phase of delivery (kill -9).

The lines on kills of the table in docs/notifications.md: nothing is lost, and only what was sent
and not yet noted is sent twice.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.tags import run_number
from tests.support.history.past_runs import History, facts_of, on_sqlite
from tests.support.paths import ROOT
from tests.support.running.notifying import Kind, documented
from tests.support.running.processes import is_gone, processes_in
from tests.support.servers.receivers import Answer, Receiver, Request, receiver
from tests.support.waiting import wait

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CASES = {
    "undecided": "killed before it decides",
    "decided": "killed when it has decided, before that is noted",
    "to be sent": "killed between deciding and sending",
    "sent": "killed between sending and noting",
}


def take(_: Request) -> Answer:
    return 200, {}, b"ok"


@dataclass
class Daemon:
    """A daemon that is started again after it was killed, and the runs that it is to tell."""

    directory: Path
    kind: Kind
    history: History
    receiver: Receiver
    started: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def start(self) -> None:
        own = {"TOLD_IN": str(self.directory), "TOLD_BY": self.kind, "TOLD_TO": self.receiver.url}
        home = {"DAGSTER_HOME": str(self.directory), "PYTHONPATH": str(ROOT)}
        words = ["run", "-m", "tests.support.running.telling_location"]
        with (self.directory / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dagster._daemon", *words],
                cwd=self.directory,
                env={**os.environ, **own, **home, "PYTHONWARNINGS": "ignore"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started.append(process)

    def kill(self) -> None:
        """Kill the daemon, and its code server with it."""
        pids = [*processes_in(self.directory)]
        assert len(pids) > 1, f"a daemon has a code server: {self.tail()}"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.started[-1].wait(timeout=30)
        wait(lambda: all(map(is_gone, pids)))

    def end(self) -> None:
        for pid in processes_in(self.directory):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for each in self.started:
            each.wait(timeout=30)

    def tail(self) -> str:
        return (self.directory / "daemon.log").read_text(encoding="utf-8")[-3_000:]

    def run(self) -> str:
        """A run that has ended just now."""
        at = datetime.now(UTC)
        run_id = self.history.add(status=dg.DagsterRunStatus.STARTED, created=at, job_id="3")
        ended = dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "prod__daily")
        self.history.instance.run_storage.handle_run_event(run_id, ended, at)
        self.history.keep(facts_of(run_id, Status.SUCCESS, began=at))
        return run_id

    def got(self, run_id: str) -> int:
        """How often the receiver has got the end of a run."""
        own = {run_id, f"{run_number(run_id)}"}
        bodies = [json.loads(each.body) for each in self.receiver.requests]
        found = [each.get("run_id") or each["data"]["runId"] for each in bodies]
        return sum(each in own for each in found)

    def wait_for(self, run_id: str, times: int = 1) -> None:
        wait(lambda: self.got(run_id) >= times, otherwise=self.tail, seconds=120)
        wait(lambda: not self.due, otherwise=self.tail)

    @property
    def due(self) -> list[Path]:
        state = StateDirectory(self.directory / "state")
        root = state.notifications if self.kind == "messages" else state.webhooks
        return [*root.glob("due/*/*.json")]

    def noted(self, run_id: str) -> list[str]:
        """The results in the log of the deliveries of a run."""
        state = StateDirectory(self.directory / "state")
        if self.kind == "messages":
            return [each.result for each in Outbox.of(state).log() if each.run_id == run_id]
        number = f'"runId":"{run_number(run_id)}"'
        return [each.result for each in Ledger.of(state).receipts() if number in each.body]


@pytest.fixture(params=["messages", "webhooks"])
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Daemon]:
    with on_sqlite(tmp_path) as instance, receiver(take) as served:
        made = Daemon(tmp_path, request.param, History(instance, tmp_path), served)
        try:
            yield made
        finally:
            made.end()


def test_a_daemon_killed_in_any_phase_loses_nothing(daemon: Daemon):
    """Nine runs: one before each kill, and one after it, which a tick tells that is a later one."""
    daemon.start()
    _hears(daemon)
    for phase, case in CASES.items():
        sent, retried, given_up, twice = documented(case, daemon.kind)
        (daemon.directory / "stop").write_text(phase, encoding="utf-8")
        run_id = daemon.run()
        wait((daemon.directory / "stopped").exists, otherwise=daemon.tail, seconds=120)
        assert daemon.got(run_id) == (1 if phase == "sent" else 0)
        assert daemon.noted(run_id) == [], "nothing has been noted"
        daemon.kill()
        for name in ("stop", "stopped"):
            (daemon.directory / name).unlink()
        daemon.start()
        daemon.wait_for(run_id, sent + twice)
        daemon.wait_for(daemon.run())
        assert daemon.got(run_id) == sent + twice, f"{phase}: {daemon.tail()}"
        assert daemon.noted(run_id) == ["sent"] * sent
        assert (retried, given_up) == (0, 0)


def _hears(daemon: Daemon) -> None:
    """Wait until a run is told: webhooks hear of nothing before the sensor's first tick."""
    state = StateDirectory(daemon.directory / "state")
    seen = state.notifications if daemon.kind == "messages" else state.webhooks
    wait((seen / "looked-at.json").exists, otherwise=daemon.tail, seconds=120)
    daemon.wait_for(daemon.run())
