"""Pins a text to each run, so that it loads the definitions that it was planned with."""

from collections.abc import Callable

from dagster._core.definitions.definitions_load_context import (
    DefinitionsLoadContext,
    DefinitionsLoadType,
)


def pinned(key: str, current: Callable[[], str]) -> str:
    """Return the text that this run was planned with, or `current()` outside of a run.

    Dagster imports the code location again in every run. Keep the text small: it is stored with
    every execution plan.
    """
    context = DefinitionsLoadContext.get()
    stored = (
        context.reconstruction_metadata.get(key)
        if context.load_type is DefinitionsLoadType.RECONSTRUCTION
        else None
    )
    value = stored if isinstance(stored, str) else current()
    context.add_to_pending_reconstruction_metadata(key, value)
    return value
