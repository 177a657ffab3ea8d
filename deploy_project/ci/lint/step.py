"""The step that lints: SQLFluff over the SQL files that differ from the state (CI-15)."""

import json
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any

from deploy_project.ci.lint.report import Lint, lines, read, summary
from deploy_project.config import small_files
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.artifacts.sql_files import Contents, changed, sql_files
from deploy_project.dbt.lint import sqlfluff
from deploy_project.dbt.project.profiles import project_file
from deploy_project.errors import LintError
from deploy_project.releases import parses
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.step_context import StepContext
from deploy_project.runs.steps import deferral
from deploy_project.runs.steps.actions import ready_for_dbt, workspace_of

RESULT = "lint.json"
"""The result of SQLFluff in the step's directory, with paths relative to the repository."""
_SHOWN = 1000


def lint(context: StepContext) -> None:
    """Lint the SQL files of the dbt project that differ from the run's state, or all without one.

    Raises `LintError` when there are violations, or when a file could not be looked at.
    """
    workspace = workspace_of(context)
    with ready_for_dbt(context, workspace):
        files = _files(context, workspace)
        found = _linted(context, workspace, files) if files else Lint()
    for line in lines(found, most=_SHOWN):
        context.console.say(line)
    context.progress.facts.update(found.counts)
    if not found.is_clean:
        raise LintError(summary(found))
    context.console.say(summary(found))


def _files(context: StepContext, workspace: Workspace) -> list[Path]:
    """Return the changed SQL files to lint, only regular files inside the tree."""
    project = str(project_file(workspace.project_directory).get("name"))
    now = sql_files(_manifest(context, workspace), project=project)
    state = deferral.state(context, workspace)
    before: Contents = {}
    if state is not None:
        before = sql_files(state / "manifest.json", project=project)
    paths = [workspace.project_directory / each for each in changed(now, before)]
    tree = workspace.tree.resolve()
    found = [each for each in paths if each.is_file() and each.resolve().is_relative_to(tree)]
    what = "have changed" if before else "are to be linted"
    context.console.say(f"{len(found)} of {len(now)} SQL files {what}")
    return found


def _manifest(context: StepContext, workspace: Workspace) -> Path:
    """Return the manifest of this commit; its parse is kept for the commands that follow."""
    target = context.directory / "target"
    parses.lend(workspace.parsed, target)
    if parses.kept(workspace.parsed) is not None:
        return workspace.parsed / "manifest.json"
    manifest = deferral.parsed(context, workspace)
    parses.keep(target, workspace.parsed, workspace.scrubber)
    return manifest


def _linted(context: StepContext, workspace: Workspace, files: list[Path]) -> Lint:
    adapter = workspace.profile.adapter
    program = sqlfluff.linter(workspace.installation, adapter, context.run.state)
    result = context.directory / "target" / RESULT  # where a stranger's process may write, too
    wanted = {
        "root": str(workspace.tree),
        "files": [str(each) for each in files],
        "dialect": sqlfluff.dialect(adapter),
        "config": str(_configuration(context, workspace)),
        "result": str(result),
    }
    said: list[str] = []
    ended = workspace.run(
        (json.dumps(wanted),),
        directory=context.directory,
        on_line=said.append,
        timeout_seconds=runs.seconds_left(context.run),
        other=program,
    )
    if ended.code != 0 or not result.is_file():
        raise LintError(f"SQLFluff failed (exit {ended.code}): {last_words(said)}")
    return _kept(result, context.directory / RESULT, workspace)


def _configuration(context: StepContext, workspace: Workspace) -> Path:
    """Write the file that overrides the repository's configuration: the run's dbt connection."""
    file = context.directory / "target" / "sqlfluff.cfg"
    file.parent.mkdir(exist_ok=True)
    parser = ConfigParser(interpolation=None)
    parser["sqlfluff:templater:dbt"] = {
        "project_dir": str(workspace.project_directory),
        "profiles_dir": str(workspace.profiles_directory),
        "profile": workspace.profile.name,
        "target": workspace.profile.target,
        "target_path": str(context.directory / "target"),
    }
    with file.open("w", encoding="utf-8") as stream:
        parser.write(stream)
    return file


def _kept(result: Path, place: Path, workspace: Workspace) -> Lint:
    """Return the result, and write it to `place` without this machine's paths and secrets."""
    root = f"{workspace.tree}/"
    try:
        content: Mapping[str, Any] = json.loads(result.read_bytes())
        text = json.dumps(_relative(content, root), indent=2)
    except (ValueError, RecursionError) as error:
        raise LintError(f"SQLFluff has left no result that can be read: {error}") from None
    small_files.write_text(place, text)
    result.unlink()
    workspace.scrubber.file(place)
    return read(place)


def _relative(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace(root, "")
    if isinstance(value, list):
        return [_relative(each, root) for each in value]  # pyright: ignore
    if isinstance(value, dict):
        return {key: _relative(each, root) for key, each in value.items()}  # pyright: ignore
    return value
