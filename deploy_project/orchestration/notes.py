"""Notes on the nodes of a manifest that Dagster can't show as they are; pure."""

from collections.abc import Callable, Sequence

Tell = Callable[[str], None]
"""Takes a line for people."""
_MOST = 10
_LONGEST = 200


def nobody(_line: str) -> None:
    """Tell nobody."""


def why(owner: str | None, unique_id: str) -> str:
    """Return why a node has another name than dbt's, which `owner` has, if anybody."""
    if owner is not None and owner != unique_id:
        return f"to Dagster, {owner!r} has that name already"
    return "its own has letters that Dagster's names can't have, or is too long or a job's records'"


def reason(error: Exception) -> str:
    """Return the first line of an error that Dagster, or our reading, has raised for a node."""
    first = next(iter(str(error).splitlines()), "")[:_LONGEST]
    return f"{type(error).__name__}: {first}"


def shortened(lines: Sequence[str]) -> list[str]:
    """Return the first of `lines`, and how many more there are."""
    more = len(lines) - _MOST
    return [*lines[:_MOST], *([f"and {more} more"] if more > 0 else [])]
