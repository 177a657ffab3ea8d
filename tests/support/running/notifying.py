"""One tick of messages or webhooks in a process of its own, which may stop for ever in a phase.

`python -m tests.support.running.notifying DIRECTORY KIND URL [PHASE]`: PHASE is `decided`, before
what was looked at is noted, or `sent`, before a delivery is. It then writes the file `stopped`, and
waits to be killed.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from upath import UPath

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.notifications import Channel, Rule, Webhook
from deploy_project.config.values.webhooks import FileSubscription
from deploy_project.notify.notifier import Notifier
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.webhooks.dispatcher import Dispatcher
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.store.artifacts import Artifacts
from tests.support.deployments.jobs import DEPLOYMENT, PROJECT, job
from tests.support.paths import ROOT
from tests.support.servers.dbt_cloud_receiver import SECRET

Kind = Literal["messages", "webhooks"]
Phase = Literal["", "decided", "sent"]
_ROW = re.compile(
    r"^\| (?P<case>[^|]+) \| (?P<messages>[0-9, ]+) \| (?P<webhooks>[0-9, ]+) \|$", re.MULTILINE
)
_PATCHED: dict[tuple[str, str], tuple[type, str]] = {
    ("messages", "decided"): (Outbox, "keep_cursor"),
    ("messages", "sent"): (Outbox, "note"),
    ("webhooks", "decided"): (Ledger, "keep_memory"),
    ("webhooks", "sent"): (Ledger, "note"),
}


def documented(case: str, kind: Kind) -> list[int]:
    """The numbers of a line in docs/notifications.md: sent, retried, given up, got twice."""
    text = (ROOT / "docs" / "notifications.md").read_text(encoding="utf-8")
    rows = {each["case"]: each[kind] for each in _ROW.finditer(text)}
    return [int(each) for each in rows[case].split(",")]


def deployment(**urls: str) -> Deployment:
    """A deployment whose runs are told to all of `urls`, as messages and as webhooks."""
    daily = job("dbt build")
    os.environ["HOOK_SECRET"] = SECRET
    return replace(
        DEPLOYMENT,
        projects={"shop": PROJECT},
        environments={"prod": daily.environment},
        jobs={"prod__daily": daily},
        channels={name: Channel(name, Webhook(url)) for name, url in urls.items()},
        notifications=(Rule(frozenset({"success"}), tuple(urls)),),
        webhooks={
            name: FileSubscription(name, url, Secret(env="HOOK_SECRET"), ("job.run.completed",))
            for name, url in urls.items()
        },
        webhook_hosts=("127.0.0.1",),
    )


def teller(
    kind: Kind, of: Deployment, directory: Path, instance: dg.DagsterInstance
) -> Notifier | Dispatcher:
    """Return what tells the runs of a history."""
    runs = Runs(instance, artifacts=Artifacts(UPath(directory / "artifacts")))
    state = StateDirectory(directory / "state")
    return Notifier(of, state, runs) if kind == "messages" else Dispatcher(of, state, runs)


def start(directory: Path, kind: Kind, url: str, phase: Phase = "") -> subprocess.Popen[bytes]:
    """Start one tick in a process of its own."""
    with suppress(FileNotFoundError):
        (directory / "stopped").unlink()
    words = [
        sys.executable,
        "-m",
        "tests.support.running.notifying",
        str(directory),
        kind,
        url,
        phase,
    ]
    return subprocess.Popen(words, cwd=ROOT)


def _stopping(file: Path) -> Callable[..., None]:
    def stop(*_: Any) -> None:
        file.touch()
        time.sleep(900)

    return stop


def main(directory: Path, kind: Kind, url: str, phase: Phase) -> None:
    if phase:
        owner, name = _PATCHED[kind, phase]
        setattr(owner, name, _stopping(directory / "stopped"))
    later = timedelta(minutes=5)  # what a killed attempt has left is due by then
    with dg.DagsterInstance.from_config(str(directory)) as instance:
        teller(kind, deployment(it=url), directory, instance).tick(datetime.now(UTC) + later)


if __name__ == "__main__":
    _, where, what, to, *rest = sys.argv
    main(Path(where), what, to, *rest)  # pyright: ignore[reportArgumentType]
