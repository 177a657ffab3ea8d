"""The options of a step that nobody may give over the API: they choose another connection; pure."""

import shlex
from collections.abc import Iterable

from deploy_project.api.http.problems import ApiError, invalid

_LONG = ("--target", "--profile", "--profiles-dir")
_TARGET = "t"
_SHORT_WITH_VALUE = "rsm"
"""The short options that the rest of a word belongs to: `-stag:t` selects."""


def refuse_connections(field: str, steps: Iterable[str]) -> None:
    """Raise `ApiError` 400 that names `field` for steps that choose another target or profile.

    The environment's own is part of what a token is good for.
    """
    for step in steps:
        option = _choosing(step)
        if option is not None:
            raise _refusal(field, step, option)


def _choosing(step: str) -> str | None:
    try:
        words = shlex.split(step)
    except ValueError:
        return None  # refused as a command, wherever it is read
    return next((found for word in words if (found := _option(word)) is not None), None)


def _option(word: str) -> str | None:
    if word.startswith("--"):
        name = word.partition("=")[0]
        return name if name in _LONG else None
    if not word.startswith("-"):
        return None
    for letter in word[1:]:
        if letter == _TARGET:
            return "-t"
        if letter in _SHORT_WITH_VALUE:
            return None
    return None


def _refusal(field: str, step: str, option: str) -> ApiError:
    shown = step if len(step) <= 80 else step[:80] + "…"
    return invalid(
        {
            field: f"{shown!r} has the option {option}, which is not taken over the API: a run "
            "builds with the connection of its job's environment; leave the option out"
        }
    )
