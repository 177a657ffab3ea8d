"""One subscription to events of runs, of deploy.yaml or made over the API."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import AwareDatetime

from deploy_project.config.environment import reveal
from deploy_project.config.values.deployment import Deployment, Secret
from deploy_project.config.values.webhooks import EventType, FileSubscription

Source = Literal["file", "api"]
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Subscription:
    """A subscription: events of some jobs are posted to an address (WH-2)."""

    id: str
    """Such as `wsu_12345abcde`."""
    name: str
    url: str | Secret
    secret: str | Secret
    """The key of the signature (WH-3)."""
    events: tuple[EventType, ...]
    job_ids: tuple[int, ...] | None = None
    """None for all jobs."""
    projects: tuple[str, ...] = ()
    """With all jobs, the projects that they are of; empty for all of them."""
    description: str = ""
    active: bool = True
    created_at: AwareDatetime | None = None
    updated_at: AwareDatetime | None = None
    source: Source = "api"

    def takes(self, event: EventType, *, job_id: int, project: str) -> bool:
        """Whether it has asked for an event of a run of a job."""
        if event not in self.events:
            return False
        if self.job_ids is not None:
            return job_id in self.job_ids
        return not self.projects or project in self.projects

    @property
    def address(self) -> str:
        """The address to post to; raises `ConfigError` for a secret one that can't be read."""
        return self._revealed(self.url)

    @property
    def key(self) -> bytes:
        """The key of the signature; raises `ConfigError` for one that can't be read."""
        return self._revealed(self.secret).encode()

    def _revealed(self, value: str | Secret) -> str:
        if isinstance(value, str):
            return value
        found = reveal(value, wanted_by=f"webhooks.{self.name}")
        return found.get_secret_value().strip()


def of_file(deployment: Deployment) -> Iterator[Subscription]:
    """Yield the subscriptions of deploy.yaml; an id follows from the name, and stays."""
    for each in deployment.webhooks.values():
        yield Subscription(
            id=f"wsu_{digits(f'deploy.yaml/{each.name}')[:20]}",
            name=each.name,
            url=each.url,
            secret=each.secret,
            events=each.events,
            job_ids=_job_ids(each, deployment),
            description=each.description,
            source="file",
        )


def _job_ids(wanted: FileSubscription, deployment: Deployment) -> tuple[int, ...] | None:
    if wanted.jobs == ("*",):
        return None
    return tuple(
        job.id
        for job in deployment.jobs.values()
        if _matches(wanted.jobs, (job.name, job.identifier))
    )


def _matches(globs: Collection[str], names: Collection[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def without_jobs(deployment: Deployment) -> Iterator[str]:
    """Yield a line for each subscription of deploy.yaml that no job can have an event for."""
    for each in deployment.webhooks.values():
        if _job_ids(each, deployment) == ():
            yield (
                f"{each.place}: this subscription of `webhooks` matches no job; correct `jobs`, "
                "which has globs of their names"
            )


def digits(text: str) -> str:
    """Return 43 letters and digits that stand for a text, the same each time."""
    number, found = int.from_bytes(hashlib.sha256(text.encode()).digest()), ""
    while len(found) < 43:
        number, place = divmod(number, len(_ALPHABET))
        found += _ALPHABET[place]
    return found
