"""Properties of a dbt command, read from its arguments, and the arguments of `dbt ls`; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy_project.config.values import subcommands
from deploy_project.config.values.commands import SELECTING_BY_MANY, SELECTING_BY_ONE

_CHANGING = frozenset({"clean", "deps"})
_MATERIALIZING = frozenset({"build", "run", "seed", "snapshot", "clone", "retry", "test"})


def subcommand(arguments: Sequence[str]) -> str | None:
    """Return the subcommand among `arguments` (those after `dbt`), passing over global flags.

    None for one that dbt does not have.
    """
    found = subcommands.subcommand(arguments)
    return found[0] if found and found[0] in subcommands.SUBCOMMANDS else None


def changes_warehouse(arguments: Sequence[str]) -> bool:
    """Return whether the nodes that the command finishes are built or tested, not just compiled."""
    return subcommand(arguments) in _MATERIALIZING


def changes_files(arguments: Sequence[str]) -> bool:
    """Return whether the command is one that changes files of the dbt project itself."""
    return subcommand(arguments) in _CHANGING


def selection_options(arguments: Sequence[str]) -> list[str]:
    """Return the selection options among a command's `arguments`, as `dbt ls` takes them.

    An unknown option does not narrow the selection.
    """
    kept: list[str] = []
    taking, left = False, 0
    for word in arguments:
        name = word.split("=", 1)[0]
        if word.startswith("-") and not left:
            taking = name in SELECTING_BY_MANY or name in SELECTING_BY_ONE
            left = 1 if taking and name in SELECTING_BY_ONE and "=" not in word else 0
            if taking:
                kept.append(word)
            taking = taking and "=" not in word
        elif taking:
            kept.append(word)
            taking, left = name in SELECTING_BY_MANY or left == 0, 0
    return kept


@dataclass(frozen=True)
class ListCommand:
    """A listing by dbt: the `fields` of each node that the `options` select."""

    options: Sequence[str]
    fields: Sequence[str]
    parsing: Sequence[str] = ()
    """The parse options of the command that follows and goes on with this parse."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments after `dbt`; the command prints one JSON document for each node."""
        return ("ls", "--quiet", "--output", "json", "--output-keys", *self.fields, *self.options)

    def commands(self) -> dict[str, Sequence[str]]:
        """Return the arguments of two commands: a parse to be used again, and the listing by it."""
        return {
            "parse": ("parse", "--quiet", "--no-write-json", *self.parsing),
            "ls": self.arguments,
        }
