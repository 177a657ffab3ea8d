"""Dagster's migration scripts, read once for all the instances that the tests of a process open."""

from alembic.config import Config
from alembic.script import ScriptDirectory

_read = ScriptDirectory.from_config
_known: dict[str | None, ScriptDirectory] = {}


def _once(config: Config) -> ScriptDirectory:
    place = config.get_main_option("script_location")
    if place not in _known:
        _known[place] = _read(config)
    return _known[place]


def read_once() -> None:
    """Have Alembic read a directory of scripts once; it does so five times in each run."""
    ScriptDirectory.from_config = _once  # pyright: ignore[reportAttributeAccessIssue]
