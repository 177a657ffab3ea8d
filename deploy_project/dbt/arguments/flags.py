"""dbt's global flags: the user's, the few that a run sets over them, and those of our own; pure.

dbt takes a flag from the command line, else from a variable, else from `flags:` of dbt_project.yml
or, as of old, `config:` of profiles.yml. An option may stand before or after the subcommand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from deploy_project.dbt.arguments.commands import subcommand

_ENGINE = "DBT_ENGINE_"
"""Since dbt 1.11, each of its variables has a second name, which wins."""
_OLDER_NAMES = {
    "DBT_PRINT": "DBT_NO_PRINT",
    "DBT_STATE": "DBT_ARTIFACT_STATE_PATH",
    "DBT_DEFER": "DBT_DEFER_TO_STATE",
}
"""Deprecated variables that win over the newer ones."""
_PLACES = ("project_dir", "profiles_dir", "target_path", "log_path")
_DEBUG_LOG = ("log_level_file", "log_format_file", "log_file_max_bytes", "use_colors_file")
_PLAIN = {"DBT_USE_COLORS": "false", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
DEFAULTS: Mapping[str, str] = {
    **_PLAIN,
    # The same order as by default, without a search of the whole graph for each node.
    "DBT_USE_FAST_TEST_EDGES": "true",
}
"""The variables of every command of dbt's, where nobody says otherwise."""
_OURS = {
    **_PLAIN,
    "DBT_LOG_FORMAT": "default",
    "DBT_LOG_LEVEL": "info",
    "DBT_LOG_CACHE_EVENTS": "false",
    "DBT_DEBUG": "false",
    "DBT_QUIET": "false",
    "DBT_PRINT": "true",
    "DBT_UPLOAD_TO_ARTIFACTS_INGEST_API": "false",
    "DBT_WRITE_JSON": "true",
}
"""The flags that the text and the files of our own commands depend on."""
_ASKING = frozenset({"list", "ls", "run-operation", "show"})
"""The subcommands of ours that only ask, so that a warning must not fail them."""
_NO = frozenset({"0", "f", "false", "n", "no", "off"})
"""The values of a variable that dbt's command line takes for false."""


@dataclass(frozen=True)
class Options:
    """Some of dbt's options: those that stand alone, and those that take a word."""

    alone: Collection[str] = ()
    with_word: Collection[str] = ()

    def divided(self, arguments: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the words of `arguments` that are these options, and the others."""
        found, others = list[str](), list[str]()
        left = 0
        for word in arguments:
            name, joined, _ = word.partition("=")
            if left:
                left = 0
                found.append(word)
            elif word in self.alone or name in self.with_word:
                left = 1 if name in self.with_word and not joined else 0
                found.append(word)
            else:
                others.append(word)
        return found, others


_SET_OVER = Options(
    alone=("--write-json", "--no-write-json", "--use-colors-file", "--no-use-colors-file"),
    with_word=("--log-level-file", "--log-format-file", "--log-file-max-bytes"),
)
_CONSOLE = Options(
    alone=(
        *("--quiet", "-q", "--no-quiet", "--debug", "-d", "--no-debug", "--print", "--no-print"),
        *("--use-colors", "--no-use-colors", "--log-cache-events", "--no-log-cache-events"),
    ),
    with_word=("--log-format", "--log-level", "--printer-width"),
)
_WARNINGS = Options(alone=("--warn-error",), with_word=("--warn-error-options",))
PARSING = Options(
    alone=(
        *("--warn-error", "--partial-parse", "--no-partial-parse"),
        *("--static-parser", "--no-static-parser"),
        *("--use-experimental-parser", "--no-use-experimental-parser"),
    ),
    with_word=(
        *("--vars", "--target", "-t", "--profile"),
        *("--warn-error-options", "--partial-parse-file-path"),
    ),
)
"""The options that change dbt's parse, or make it fail for a warning."""


@dataclass(frozen=True)
class CommandLine:
    """The arguments and variables of a dbt command, with notes on them for its log."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    notes: tuple[str, ...] = ()


def project_flags(
    project: Mapping[str, object], profiles: Mapping[str, object]
) -> dict[str, object]:
    """Return the flags of `dbt_project.yml`, or else those of `profiles.yml`.

    Neither is checked: dbt refuses a wrong one, or both, in its own words.
    """
    found = project.get("flags") or profiles.get("config")
    return dict(cast(Mapping[str, object], found)) if isinstance(found, Mapping) else {}


def of_a_step(
    arguments: Sequence[str], variables: Mapping[str, str], project: Mapping[str, object]
) -> CommandLine:
    """Return the command line of a user's step, with the few flags that a run sets over theirs."""
    taken, kept = _SET_OVER.divided(arguments)
    words = [each for each in taken if each != "--write-json"]
    named = [f"`{each}: {_yaml(project[each])}`" for each in _unwanted(project)]
    set_over = [f"`{' '.join(words)}`"] if words else []
    set_over += [*named, *(f"`{each}`" for each in _set_over(variables))]
    note = (
        f"Set over by the run, which keeps dbt's artifacts and its whole debug log: "
        f"{', '.join(set_over)}"
    )
    given = {name: each for name in _PLAIN if (each := _flag(name, project))}
    if _WARNINGS.divided(kept)[0] and not _chooses_partial_parse(kept, variables, project):
        given["DBT_PARTIAL_PARSE"] = "false"  # an earlier parse would warn of nothing
    return CommandLine(
        tuple(kept),
        over({**given, **variables}, {"DBT_WRITE_JSON": "true"}),
        (note,) if set_over else (),
    )


def of_our_own(
    arguments: Sequence[str], variables: Mapping[str, str], project: Mapping[str, object]
) -> dict[str, str]:
    """Return the variables of one of our own commands, so that we can read its text and files.

    The user's other flags hold for it, too: partial parsing, and that warnings are errors, unless
    it only asks.
    """
    calm: dict[str, str] = {}
    if subcommand(arguments) in _ASKING:
        # Only one of the two may be given; dbt_project.yml may have the other.
        has_options = "warn_error_options" in project or _value(variables, "WARN_ERROR_OPTIONS")
        calm = {"DBT_WARN_ERROR_OPTIONS": "{}"} if has_options else {"DBT_WARN_ERROR": "false"}
        variables = _without(variables, ("DBT_WARN_ERROR", "DBT_WARN_ERROR_OPTIONS"))
    return over(variables, {**_OURS, **calm})


def over(variables: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return `variables` with `ours` over them, and without dbt's other names for these."""
    return {**_without(variables, ours), **ours}


def of_the_console(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the console options of a command, such as `--quiet`; `dbt retry` forgets them."""
    return tuple(_CONSOLE.divided(arguments)[0])


def refuses_retry(variables: Mapping[str, str], project: Mapping[str, object]) -> bool:
    """Return whether `dbt retry` would end with "No such option '--no-warn-error'".

    It does where `warn_error` is false on purpose, in all of its versions up to 1.11.
    """
    value = _value(variables, "WARN_ERROR")
    return value.lower() in _NO if value else project.get("warn_error") is False


def _unwanted(project: Mapping[str, object]) -> list[str]:
    no_json = ["write_json"] if project.get("write_json") is False else []
    return no_json + [each for each in _DEBUG_LOG if project.get(each) is not None]


def _set_over(variables: Mapping[str, str]) -> list[str]:
    """Return the names of the user's variables that a run overrides."""
    names = [*_PLACES, *_DEBUG_LOG]
    if _value(variables, "WRITE_JSON").lower() in _NO:
        names.append("write_json")
    known = [f"{prefix}{each.upper()}" for each in names for prefix in ("DBT_", _ENGINE)]
    return [each for each in known if each in variables]


def _chooses_partial_parse(
    arguments: Sequence[str], variables: Mapping[str, str], project: Mapping[str, object]
) -> bool:
    said = {"--partial-parse", "--no-partial-parse"} & {*arguments}
    return bool(said or _value(variables, "PARTIAL_PARSE")) or "partial_parse" in project


def _flag(variable: str, project: Mapping[str, object]) -> str:
    """Return the value of a flag of the project as a variable has it; empty when there is none."""
    value = project.get(variable.removeprefix("DBT_").lower())
    return "" if value is None else _yaml(value)


def _without(variables: Mapping[str, str], gone: Iterable[str]) -> dict[str, str]:
    names = {each for name in gone for each in (name, _OLDER_NAMES.get(name, name))}
    names |= {_ENGINE + each.removeprefix("DBT_") for each in names}
    return {name: each for name, each in variables.items() if name not in names}


def _value(variables: Mapping[str, str], name: str) -> str:
    return variables.get(f"{_ENGINE}{name}") or variables.get(f"DBT_{name}") or ""


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
