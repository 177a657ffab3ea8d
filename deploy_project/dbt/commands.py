"""What the words of a dbt command mean; pure."""

from collections.abc import Sequence

SUBCOMMANDS = frozenset(
    {"build", "clean", "clone", "compile", "debug", "deps", "docs", "init", "list", "ls", "parse"}
    | {"retry", "run", "run-operation", "seed", "show", "snapshot", "source", "sl", "test"}
)
_MATERIALIZING = frozenset({"build", "run", "seed", "snapshot", "clone", "retry", "test"})


def subcommand(arguments: Sequence[str]) -> str | None:
    """Return the subcommand among `arguments` (those after `dbt`), passing over global flags."""
    return next((word for word in arguments if word in SUBCOMMANDS), None)


def changes_warehouse(arguments: Sequence[str]) -> bool:
    """Return whether the nodes that the command finishes are built or tested, not just compiled."""
    return subcommand(arguments) in _MATERIALIZING


def is_source_freshness(arguments: Sequence[str]) -> bool:
    """Return whether the command is `dbt source freshness`, by either of its names."""
    words = [word for word in arguments if not word.startswith("-")]
    return subcommand(words) == "source" and bool({"freshness", "snapshot-freshness"} & {*words})
