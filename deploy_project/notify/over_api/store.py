"""The notifications made over the API: one file in the state directory (DESIGN 18)."""

from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError
from deploy_project.notify.kept_list import KeptList
from deploy_project.notify.over_api.notification import (
    USER,
    Notification,
    with_notifications,
    without_jobs,
)

_FORM = TypeAdapter(tuple[Notification, ...])


@dataclass(frozen=True)
class Store:
    """The notifications that were made over the API."""

    state: StateDirectory

    def all(self) -> tuple[Notification, ...]:
        """Return the notifications, the oldest first; raise `ConfigError` for a damaged file."""
        return self._kept.all()

    def create(self, wanted: Notification, *, now: datetime) -> Notification:
        """Add a notification; return it with its id, which is above those before it."""

        def made(known: tuple[Notification, ...]) -> Notification:
            last = max((each.id for each in known), default=0)
            number = max(int(now.timestamp()), last + 1)
            return replace(wanted, id=number, created_at=now, updated_at=now)

        return self._kept.add(made)

    def update(self, changed: Notification, *, now: datetime) -> Notification | None:
        """Replace a notification but for its creation; None when there is none."""
        return self._kept.replace(
            lambda each: each.id == changed.id,
            lambda old: replace(changed, created_at=old.created_at, updated_at=now),
        )

    def delete(self, notification_id: int) -> bool:
        """Remove a notification; return whether there was one."""
        return self._kept.remove(lambda each: each.id == notification_id)

    def delete_mail_of(self, user: str) -> bool:
        """Remove all notifications that send mail to a user; return whether there was one."""
        return self._kept.remove(lambda each: each.type == USER and each.user == user)

    def doubtful(self, deployment: Deployment) -> list[str]:
        """Return a line for each notification that nobody ever gets."""
        try:
            kept = self.all()
        except ConfigError as error:
            return [str(error)]
        return [*with_notifications(deployment, kept)[1], *without_jobs(deployment, kept)]

    @property
    def _kept(self) -> KeptList[Notification]:
        return KeptList(self.state.api_notifications, _FORM, "notifications")
