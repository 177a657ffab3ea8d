"""The subscriptions made over the API: one file in the state directory, for its owner alone."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.config.state import StateDirectory
from deploy_project.errors import ConfigError
from deploy_project.notify.webhooks.subscription import Subscription, digits

_FORM = TypeAdapter(tuple[Subscription, ...])
_PATIENCE = 10.0
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
        """Return the subscriptions, the oldest first.

        Raises `ConfigError` for a file that can't be read: to write it anew would lose them.
        """
        try:
            return _FORM.validate_json(self._file.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise ConfigError(
                f"{self._file} does not hold subscriptions of webhooks: {type(error).__name__}; "
                "correct it, or move it away and make them again"
            ) from error

    def find(self, subscription_id: str) -> Subscription | None:
        """Return the subscription with an id; None when there is none."""
        return next((each for each in self.all() if each.id == subscription_id), None)

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
        self._change(lambda known: (*known, made))
        return made

    def update(self, changed: Subscription, *, now: datetime) -> Subscription | None:
        """Replace a subscription but for its secret and creation; None when there is none."""
        found: list[Subscription] = []

        def change(known: Sequence[Subscription]) -> tuple[Subscription, ...]:
            return tuple(
                self._changed(each, changed, now, found) if each.id == changed.id else each
                for each in known
            )

        self._change(change)
        return found[0] if found else None

    @staticmethod
    def _changed(
        old: Subscription, new: Subscription, now: datetime, found: list[Subscription]
    ) -> Subscription:
        found.append(replace(new, secret=old.secret, created_at=old.created_at, updated_at=now))
        return found[0]

    def delete(self, subscription_id: str) -> bool:
        """Remove a subscription; return whether there was one."""
        gone: list[str] = []

        def change(known: Sequence[Subscription]) -> tuple[Subscription, ...]:
            gone.extend(each.id for each in known if each.id == subscription_id)
            return tuple(each for each in known if each.id != subscription_id)

        self._change(change)
        return bool(gone)

    @property
    def _file(self) -> Path:
        return self.root / "subscriptions.json"

    def _change(self, change: Callable[[Sequence[Subscription]], tuple[Subscription, ...]]) -> None:
        """Write the file anew, readable by its owner alone."""
        self.root.mkdir(parents=True, exist_ok=True)
        with FileLock(self.root / "subscriptions.lock", timeout=_PATIENCE):
            text = _FORM.dump_json(change(self.all()), indent=2)
            with small_files.replacing(self._file) as beside:
                os.chmod(beside, 0o600)
                beside.write_bytes(text)
                with suppress(OSError), beside.open("rb") as file:
                    os.fsync(file.fileno())
