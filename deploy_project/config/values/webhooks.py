"""Frozen dataclasses of dbt Cloud's webhooks, as deploy.yaml subscribes to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from deploy_project.config.values.deployment import Secret

EventType = Literal["job.run.started", "job.run.completed", "job.run.errored", "job.run.cancelled"]
"""The events of runs; dbt Cloud has none of runs that are cancelled (WH-1)."""


@dataclass(frozen=True)
class FileSubscription:
    """A subscription of deploy.yaml: events of runs are posted to an address (WH-2)."""

    name: str
    url: str | Secret
    secret: Secret
    """The key of the signature (WH-3)."""
    events: tuple[EventType, ...]
    jobs: tuple[str, ...] = ("*",)
    """Globs of names, `production__daily`, or identifiers, `daily`."""
    description: str = ""
    place: str = ""
    """The file and line that state it, for people."""

    @property
    def secrets(self) -> Iterator[tuple[Secret, str]]:
        """Its secrets, each with its key in deploy.yaml."""
        yield self.secret, f"webhooks.{self.name}.secret"
        if isinstance(self.url, Secret):
            yield self.url, f"webhooks.{self.name}.url"
