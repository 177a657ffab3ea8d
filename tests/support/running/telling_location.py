"""A code location with the sensor of messages, or of webhooks, alone: a real daemon loads it.

The environment has the directory (TOLD_IN), the kind (TOLD_BY) and the receiver (TOLD_TO). While
the file `stop` in the directory names a phase, a tick that comes to it stops there for ever, and
writes the file `stopped`: then it waits to be killed.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg

from deploy_project.config.state import StateDirectory
from deploy_project.notify import delivery
from deploy_project.notify.notifier import Notifier
from deploy_project.notify.outbox import Outbox
from deploy_project.notify.webhooks import delivery as webhook_delivery
from deploy_project.notify.webhooks.dispatcher import Dispatcher
from deploy_project.notify.webhooks.ledger import Ledger
from deploy_project.orchestration.triggers import notifications
from tests.support.running.notifying import deployment

PHASES: dict[str, dict[str, tuple[type, str]]] = {
    "messages": {
        "undecided": (Notifier, "look"),
        "decided": (Outbox, "keep_cursor"),
        "to be sent": (delivery.Deliverer, "deliver"),
        "sent": (Outbox, "note"),
    },
    "webhooks": {
        "undecided": (Dispatcher, "look"),
        "decided": (Ledger, "keep_memory"),
        "to be sent": (webhook_delivery.Deliverer, "deliver"),
        "sent": (Ledger, "note"),
    },
}
"""The call before which a tick stops in each phase."""


def _stopping(directory: Path, due: Path, phase: str, call: Callable[..., Any]) -> Any:
    def stop(*arguments: Any, **more: Any) -> Any:
        file = directory / "stop"
        # A tick that has nothing to tell comes to most of these phases, too.
        has_come = phase == "undecided" or any(due.glob("*/*.json"))
        if has_come and file.exists() and file.read_text(encoding="utf-8") == phase:
            (directory / "stopped").touch()
            time.sleep(900)
        return call(*arguments, **more)

    return stop


def _definitions(directory: Path, kind: str, url: str) -> dg.Definitions:
    state = StateDirectory(directory / "state")
    due = (state.notifications if kind == "messages" else state.webhooks) / "due"
    for phase, (owner, name) in PHASES[kind].items():
        setattr(owner, name, _stopping(directory, due, phase, getattr(owner, name)))
    notifications.INTERVAL_SECONDS = 1  # pyright: ignore[reportConstantRedefinition]
    of = replace(deployment(it=url), artifacts=str(directory / "artifacts"))
    of = replace(of, **{"webhooks": {}} if kind == "messages" else {"notifications": ()})
    return dg.Definitions(sensors=[*notifications.telling_sensors(of, state)])


defs = _definitions(Path(os.environ["TOLD_IN"]), os.environ["TOLD_BY"], os.environ["TOLD_TO"])
