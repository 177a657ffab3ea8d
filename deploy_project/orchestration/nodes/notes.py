"""Notes on the nodes of a manifest that Dagster can't show as they are; pure."""

from collections.abc import Callable, Sequence

Tell = Callable[[str], None]
"""Takes a line for people."""
_MOST = 10
_LONGEST = 200


def nobody(_line: str) -> None:
    """Tell nobody."""


def why(*, owner: str | None, spelled: bool) -> str:
    """Return why a node is not shown by its own name; `owner` is the node that has it, if any.

    `spelled` is whether Dagster allows all characters of its own.
    """
    if not spelled:
        return "Dagster's names have only A-Z, a-z, 0-9, `_`, `-` and `.`"
    if owner is not None:
        return f"its own is that of {owner!r} already, or looks the same to Dagster"
    return "its own is too long, or that of a job's records"


def reason(error: BaseException) -> str:
    """Return the type and first line of an error that a node has raised, in Dagster or here."""
    first = next(iter(str(error).splitlines()), "")[:_LONGEST]
    return f"{type(error).__name__}: {first}"


def shortened(lines: Sequence[str]) -> list[str]:
    """Return the first of `lines`, and a line with the number of the others."""
    more = len(lines) - _MOST
    return [*lines[:_MOST], *([f"and {more} more"] if more > 0 else [])]
