"""Processes of this machine, found by their ids, their command lines or their directories."""

from contextlib import suppress
from pathlib import Path

from tests.support.deployments.site import Site
from tests.support.waiting import wait


def is_gone(pid: int) -> bool:
    """Whether a process has ended, though its parent may not have asked for its code yet."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def processes_naming(text: str) -> list[str]:
    """The command lines of all processes that contain `text`."""
    found: list[str] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if text in line]


def nothing_is_left(text: str) -> bool:
    """Wait until all processes that name `text` have ended: a kill takes a moment."""
    return wait(lambda: not processes_naming(text), otherwise=lambda: processes_naming(text))


def processes_in(directory: Path) -> dict[int, str]:
    """The command lines of all processes whose working directory is in `directory`."""
    found: dict[int, str] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            if (process / "cwd").readlink().is_relative_to(directory):
                words = (process / "cmdline").read_bytes().split(b"\0")
                found[int(process.name)] = b" ".join(words).decode(errors="replace")
    return found


def processes_of(site: Site) -> list[int]:
    """The processes that work in the state directory of a site."""
    return list(processes_in(site.state.root))
