"""The subscriptions made over the API: one file in the state directory, for its owner alone."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from deploy_project.config.state import StateDirectory
from deploy_project.notify.kept_list import KeptList
from deploy_project.notify.webhooks.subscription import Subscription, digits

_FORM = TypeAdapter(tuple[Subscription, ...])
_SECRET_BYTES = 32


@dataclass(frozen=True)
class Store:
    """The subscriptions that were made over the API."""

    root: Path

    @classmethod
    def of(cls, state: StateDirectory) -> "Store":
        """Return the store in a state directory."""
        return cls(state.webhooks)

    def all(self) -> tuple[Subscription, ...]:
        """Return the subscriptions, the oldest first; raise `ConfigError` for a damaged file."""
        return self._kept.all()

    def create(self, wanted: Subscription, *, now: datetime) -> Subscription:
        """Add a subscription; return it with its id and the secret, which is shown this once."""
        made = replace(
            wanted,
            id=f"wsu_{digits(secrets.token_hex())[:20]}",
            secret=secrets.token_hex(_SECRET_BYTES),
            created_at=now,
            updated_at=now,
            source="api",
        )
        return self._kept.add(lambda _: made)

    def update(self, changed: Subscription, *, now: datetime) -> Subscription | None:
        """Replace a subscription but for its secret and creation; None when there is none."""
        return self._kept.replace(
            lambda each: each.id == changed.id,
            lambda old: replace(
                changed, secret=old.secret, created_at=old.created_at, updated_at=now
            ),
        )

    def delete(self, subscription_id: str) -> bool:
        """Remove a subscription; return whether there was one."""
        return self._kept.remove(lambda each: each.id == subscription_id)

    @property
    def _kept(self) -> KeptList[Subscription]:
        return KeptList(self.root / "subscriptions.json", _FORM, "subscriptions of webhooks")
