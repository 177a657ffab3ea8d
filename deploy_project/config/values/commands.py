"""The dbt commands of a job, split into words as a shell would, and checked."""

import re
import shlex

from deploy_project.config.values.subcommands import subcommand
from deploy_project.errors import ConfigError

# Quoted and escaped text means itself; the shell would find its operators in the rest.
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_OPERATOR = re.compile(r"&&|\|\||[;|<>&`]|\$\(|\n\s*dbt(?=\s)")
SELECTING_BY_MANY = frozenset(
    {"--select", "-s", "--models", "--model", "-m", "--exclude"}
    | {"--resource-type", "--resource-types", "--exclude-resource-type"}
    | {"--exclude-resource-types"}
)
"""Options that take all words up to the next option."""
SELECTING_BY_ONE = frozenset(
    {"--selector", "--indirect-selection", "--vars", "--target", "-t", "--profile"}
    | {"--state", "--defer-state"}
)
"""Options that take one word, and decide what a command selects, too."""
_SELECTION = SELECTING_BY_MANY | {"--selector", "--indirect-selection", "--vars"}
LONGEST = 10_000
"""The characters that a command may have: it is shown whole in Dagster, in logs and in tags."""
_SET_BY_THE_RUN = ("--project-dir", "--profiles-dir", "--target-path", "--log-path")


class CommandError(ConfigError):
    """A command can't be run; the error has its fault, the words at fault and the remedy."""

    def __init__(self, what: str, *, found: str, remedy: str) -> None:
        super().__init__(f"the command {what}, found {found}; {remedy}")
        self.what, self.found, self.remedy = what, found, remedy


def arguments(command: str) -> tuple[str, ...]:
    """Return the words after `dbt` in `command`; raise `CommandError` for one that can't be run."""
    words = _words(command)
    if not words or words[0] != "dbt":
        raise CommandError(
            "is not a dbt command",
            found=repr(words[0]) if words else "nothing",
            remedy="write `dbt` and a subcommand, such as `dbt build`",
        )
    _refuse_operators(command)
    _refuse_options(words[1:])
    if not subcommand(words[1:]):
        raise CommandError(
            "names no subcommand of dbt",
            found=repr(" ".join(words)),
            remedy="write one after `dbt`, such as `dbt build`",
        )
    return tuple(words[1:])


def _words(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise CommandError(
            "is too long",
            found=f"{len(text)} characters",
            remedy=f"use at most {LONGEST} characters",
        )
    try:
        return shlex.split(text)
    except ValueError as error:
        raise CommandError(
            f"can't be split into words: {error}", found="an open quote", remedy="close it"
        ) from error


def _refuse_operators(command: str) -> None:
    operator = _OPERATOR.search(_QUOTED.sub("", command))
    if operator:
        raise CommandError(
            "is more than one command, or needs a shell",
            found=repr(operator[0].strip()),
            remedy="write one command per step, and quote what belongs to an argument",
        )


def _refuse_options(words: list[str]) -> None:
    for word in words:
        if word.partition("=")[0] in _SET_BY_THE_RUN:
            raise CommandError(
                "has an option that the run sets",
                found=repr(word.partition("=")[0]),
                remedy="leave it out",
            )


def selection_flags(flags: str) -> tuple[str, ...]:
    """Return the words of `flags`; raise `CommandError` unless all of them select nodes."""
    words = _words(flags)
    _refuse_operators(flags)
    options = [*words[:1], *(word for word in words[1:] if word.startswith("-"))]
    wrong = next((each for each in options if each.partition("=")[0] not in _SELECTION), None)
    if wrong is not None or not words:
        raise CommandError(
            "is no option of dbt that selects nodes",
            found=repr(wrong) if wrong else "nothing",
            remedy="write `--select`, `--exclude`, `--selector`, `--resource-type`, "
            "`--exclude-resource-type`, `--indirect-selection` or `--vars`, such as "
            "`--select state:modified+`",
        )
    return tuple(words)
