"""The subcommands of dbt: finding one in a command, and refusing those no job can run; pure."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SUBCOMMANDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            *("build", "clean", "clone", "compile", "debug", "deps", "init", "list", "ls", "parse"),
            *("retry", "run", "run-operation", "seed", "show", "snapshot", "test"),
        ),
        frozenset[str](),
    ),
    "docs": frozenset({"generate", "serve"}),
    "source": frozenset({"freshness", "snapshot-freshness"}),
}
"""Those of dbt 1.9 to 1.12, each with the words that have to follow it."""
OPTIONS_WITH_VALUE = frozenset(
    {"--defer-state", "--indirect-selection", "--log-file-max-bytes", "--log-format"}
    | {"--log-format-file", "--log-level", "--log-level-file", "--log-path"}
    | {"--partial-parse-file-path", "--printer-width", "--profile", "--record-timing-info", "-r"}
    | {"--state", "--target", "-t", "--warn-error-options"}
    | {"--deprecated-defer", "--deprecated-favor-state", "--deprecated-state"}
)
"""Options of all subcommands, so that they may stand before one, that take the next word."""


@dataclass(frozen=True)
class Unrunnable:
    """The reason why no job can run a command, in the parts of an error."""

    what: str
    found: str
    remedy: str


_ELSEWHERE = "is a command of dbt Cloud's or Fusion's command line, which dbt Core does not have"
_CLOSE = 0.7  # difflib's own 0.6 takes `cloud` for `clone`
_NEVER: Mapping[tuple[str, ...], Unrunnable] = {
    ("docs", "serve"): Unrunnable(
        "never ends",
        "'dbt docs serve'",
        "have `generate_docs: true`, and `deploy-project serve` shows the docs",
    ),
    ("init",): Unrunnable(
        "makes a new project, and asks a person how", "'dbt init'", "take the step out"
    ),
    **{
        (word,): Unrunnable(_ELSEWHERE, f"'dbt {word}'", "take the step out")
        for word in ("environment", "invocation", "login", "lsp", "man", "reattach", "system")
    },
    ("sl",): Unrunnable(
        _ELSEWHERE, "'dbt sl'", "take the step out; `dbt parse` checks semantic models, too"
    ),
}


def subcommand(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the subcommand among `arguments` (those after `dbt`), known or not.

    It has two words where dbt's has, such as `("docs", "generate")`, and none where there is none.
    The values of options that stand before it are passed over: `--target test build` is a build.
    """
    words = _words(arguments)
    return tuple(words[:2] if words and SUBCOMMANDS.get(words[0]) else words[:1])


def _words(arguments: Sequence[str]) -> list[str]:
    """Return the words that are neither options nor the values of those that may stand in front."""
    found: list[str] = []
    before = ""
    for word in arguments:
        if not word.startswith("-") and before not in OPTIONS_WITH_VALUE:
            found.append(word)
        before = word
    return found


def unrunnable(arguments: Sequence[str]) -> Unrunnable | None:
    """Return the reason why no job can run the command of `arguments`; None when one can.

    That is a subcommand that dbt does not have, or one that never ends or needs a person.
    """
    words = subcommand(arguments)
    if words in _NEVER:
        return _NEVER[words]
    below = SUBCOMMANDS.get(words[0]) if words else None
    if below is None:
        return _unknown("dbt", words[-1] if words else "nothing", _commands())
    if below and words[-1] not in below:
        return _unknown_below(words)
    return None


def _unknown_below(words: tuple[str, ...]) -> Unrunnable:
    group = f"dbt {words[0]}"
    known = {word: f"{words[0]} {word}" for word in SUBCOMMANDS[words[0]]}
    known = {word: full for word, full in known.items() if (words[0], word) not in _NEVER}
    if len(words) == 1:
        what = f"names no subcommand of `{group}`"
        return Unrunnable(what, repr(group), f"write {_listed(known.values())}")
    return _unknown(group, words[-1], known)


def _commands() -> dict[str, str]:
    """Return the commands that a job can run, by each spelling that people may give them."""
    found: dict[str, str] = {}
    for name, below in SUBCOMMANDS.items():
        for words in [(name, word) for word in below] or [(name,)]:
            if words not in _NEVER:
                found |= dict.fromkeys((words[-1], " ".join(words)), " ".join(words))
    return found


def _unknown(of: str, word: str, known: Mapping[str, str]) -> Unrunnable:
    close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=_CLOSE)
    meant = f"did you mean `dbt {known[close[0]]}`?" if close else ""
    remedy = meant or f"write {_listed(known.values())}"
    return Unrunnable(f"is no subcommand of `{of}`", repr(word), remedy)


def _listed(commands: Iterable[str]) -> str:
    *others, last = sorted({f"`dbt {each}`" for each in commands})
    return f"{', '.join(others)} or {last}" if others else last
