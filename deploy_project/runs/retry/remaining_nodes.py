"""The results to retry, brought up to date with the commit and narrowed by `dbt ls`."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.manifest import read_manifest
from deploy_project.errors import ConfigError, DbtError
from deploy_project.releases.questions import listing
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import run as runs
from deploy_project.runs.model import tags
from deploy_project.runs.model.step_context import StepContext
from deploy_project.runs.retry import results
from deploy_project.runs.retry.results import RunResultsDocument


def brought_up_to_date(
    context: StepContext, workspace: Workspace, found: RunResultsDocument, state: Path | None
) -> RunResultsDocument:
    """Return the results with all nodes selected at this commit, without those that are gone.

    A command that was interrupted has results only of the nodes it has finished.
    """
    types = results.command_types(found)
    listed = _listed(context, workspace, found, results.selection(found), state)
    manifest = read_manifest(context.directory / "target" / "manifest.json")
    planned = [each for each in listed if node_names.kind(each) in types]
    nodes = [node for node in map(manifest.find, planned) if node is not None]
    ephemeral = {node.unique_id for node in nodes if node.materialized == "ephemeral"}
    found = results.completed(found, (each for each in planned if each not in ephemeral))
    return results.existing(found, manifest)


def narrowed(
    context: StepContext, workspace: Workspace, found: RunResultsDocument, state: Path | None
) -> RunResultsDocument:
    """Return the results with no nodes to retry but those of the run's `retry_select`."""
    words = selected_words(context.run.retry_select)
    wanted = _listed(context, workspace, found, ["--select", *words], state)
    return chosen(found, wanted, words=words, resumed=context.run.resumes or "")


def chosen(
    found: RunResultsDocument, wanted: Sequence[str], *, words: Sequence[str], resumed: str
) -> RunResultsDocument:
    """Return the results with only `wanted` to retry; raise `DbtError` when none is left."""
    narrowed = results.narrowed(found, wanted)
    if not results.left(narrowed):
        names = sorted(map(node_names.name, results.left(found)))
        raise DbtError(
            f"`--select {shlex.join(words)}` names nothing that run {resumed} has left to do in "
            f"this command, which is: {', '.join(names) or 'nothing'}"
        )
    return narrowed


def selected_words(text: str) -> list[str]:
    """Return the selectors in `text`, split as by a shell; raise `ConfigError` for an option."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"--select {text!r} can't be read: {error}; close the quotes") from None
    option = next((word for word in words if word.startswith("-")), None)
    if option is not None or not words:
        raise ConfigError(
            f"--select (or the tag {tags.plain(tags.RETRY_SELECT)!r}) is {text!r}; write names of "
            "models or other selectors of dbt's, no options"
        )
    return words


def _listed(
    context: StepContext,
    workspace: Workspace,
    found: RunResultsDocument,
    options: Sequence[str],
    state: Path | None,
) -> list[str]:
    """Return the unique ids of the nodes that `options` select at this commit."""
    variables = found["args"].get("vars")
    listed = listing.listed(
        workspace,
        [*options, *(["--vars", json.dumps(variables)] if variables else [])],
        fields=["unique_id"],
        of="what is left to do",
        directory=context.directory,
        state=state,
        on_line=context.console.say,
        timeout_seconds=runs.seconds_left(context.run),
    )
    return [each["unique_id"] for each in listed]
