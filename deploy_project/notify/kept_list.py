"""A list in one file of the state directory, changed whole, which its owner alone may read."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock
from pydantic import TypeAdapter, ValidationError

from deploy_project.config import small_files
from deploy_project.errors import ConfigError

_PATIENCE = 10.0
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class KeptList(Generic[_Item]):
    """The items of a file, the oldest first."""

    file: Path
    form: TypeAdapter[tuple[_Item, ...]]
    what: str
    """The items in words, such as `subscriptions of webhooks`."""

    def all(self) -> tuple[_Item, ...]:
        """Return the items.

        Raises `ConfigError` for a file that can't be read: to write it anew would lose them.
        """
        try:
            return self.form.validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError) as error:
            raise ConfigError(
                f"{self.file} does not hold {self.what}: {type(error).__name__}; "
                "correct it, or move it away and make them again"
            ) from error

    def add(self, make: Callable[[tuple[_Item, ...]], _Item]) -> _Item:
        """Add the item that `make` returns for those that there are; return it."""
        made: list[_Item] = []

        def change(known: tuple[_Item, ...]) -> Iterable[_Item]:
            made.append(make(known))
            return (*known, *made)

        self._change(change)
        return made[0]

    def replace(
        self, is_it: Callable[[_Item], bool], changed: Callable[[_Item], _Item]
    ) -> _Item | None:
        """Replace the one item that `is_it` by its `changed` form; return that, if there is one."""
        made: list[_Item] = []

        def change(known: tuple[_Item, ...]) -> Iterable[_Item]:
            made.extend(changed(each) for each in known if is_it(each))
            return (made[0] if is_it(each) else each for each in known)

        self._change(change)
        return made[0] if made else None

    def remove(self, is_it: Callable[[_Item], bool]) -> bool:
        """Remove the items that are so; return whether there was one."""
        gone: list[_Item] = []

        def change(known: tuple[_Item, ...]) -> Iterable[_Item]:
            gone.extend(filter(is_it, known))
            return (each for each in known if not is_it(each))

        self._change(change)
        return bool(gone)

    def _change(self, change: Callable[[tuple[_Item, ...]], Iterable[_Item]]) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.file.with_suffix(".lock"), timeout=_PATIENCE):
            text = self.form.dump_json(tuple(change(self.all())), indent=2)
            with small_files.replacing(self.file) as beside:
                os.chmod(beside, 0o600)
                beside.write_bytes(text)
                with suppress(OSError), beside.open("rb") as file:
                    os.fsync(file.fileno())
