"""Reports unexpected errors: a few lines to paste, and the traceback in a file."""

import platform
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from deploy_project.config.environment import settings
from deploy_project.git.command import without_credentials

_PACKAGE = Path(__file__).parents[1]
_PACKAGES = ("deploy-project", "dagster", "dbt-core")


def versions() -> str:
    """Return the versions that matter in a report, on one line."""
    found = [f"{name} {metadata.version(name)}" for name in _PACKAGES]
    return ", ".join([*found, f"Python {platform.python_version()}"])


def report(error: Exception, *, command: str) -> str:
    """Write the traceback of `error` to a file, and return a few lines for a bug report."""
    text = without_credentials("".join(traceback.format_exception(error)))
    what = without_credentials("".join(traceback.format_exception_only(error)).strip())
    return "\n".join(
        [
            f"deploy-project {command} failed in a way it should not; this is a defect.",
            f"  {what}",
            f"  in {_place(error)}",
            f"  {versions()}",
            f"  traceback: {_write(text)}",
        ]
    )


def _place(error: Exception) -> str:
    """Return the innermost line of our own code in the traceback, as `file:line (function)`."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    last = (ours or list(frames))[-1]
    return f"{Path(last.filename).name}:{last.lineno} ({last.name})"


def _write(text: str) -> Path:
    """Write `text` to the state directory, or to a temporary one when that can't be had."""
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.log"
    try:
        directory = settings().state.root / "errors"
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / name
        file.write_text(text, encoding="utf-8")
    except OSError:
        file = Path(tempfile.mkdtemp(prefix="deploy-project-")) / name
        file.write_text(text, encoding="utf-8")
    return file
