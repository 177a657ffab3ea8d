"""New files that a command writes: all or none of them, and the next steps with them."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from deploy_project.errors import ConfigError


def write_all(texts: Mapping[str, str], directory: Path) -> None:
    """Write all files, or none: files written before a failure are removed."""
    written: list[Path] = []
    try:
        for name, text in texts.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as stream:
                written.append(file)
                stream.write(text)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        raise ConfigError(
            f"writing the files to {str(directory)!r} failed: {error}; nothing was kept"
        ) from error


def next_steps(directory: Path) -> list[str]:
    """Return the lines on the next steps with new files in a directory."""
    go = [] if directory.resolve() == Path.cwd() else [f"  cd {shlex.quote(str(directory))}"]
    return [
        "",
        "Next:",
        *go,
        "  deploy-project check --online   # is the repository reachable, does the branch exist?",
        "  deploy-project deploy           # parse the branch's head, so that Dagster shows it",
        "  deploy-project dev              # starts Dagster, and says what to open",
    ]
