"""What the words of a dbt command mean; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Listing:
    """What dbt is to list: the `fields` of each node that the `options` select."""

    options: Sequence[str]
    fields: Sequence[str]
    parsing: Sequence[str] = ()
    """The options of a command that is to go on with the parse."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows `dbt` on the command line; it prints one JSON document for each node."""
        return ("ls", "--quiet", "--output", "json", "--output-keys", *self.fields, *self.options)

    def commands(self) -> dict[str, Sequence[str]]:
        """Return the arguments of the two commands that list by a parse that can be used again."""
        return {
            "parse": ("parse", "--quiet", "--no-write-json", *self.parsing),
            "ls": self.arguments,
        }
