"""The state directory that a command is compared with and deferred to (CI-5 to CI-8)."""

import json
import re
from pathlib import Path

from deploy_project.config.values.deployment import DeferToEnvironment
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.artifacts.results import document
from deploy_project.dbt.processes.scrubbing import MASK
from deploy_project.errors import ConfigError, DbtError
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.step_context import StepContext

_MASKED = re.compile(
    rb'"(?P<what>database|schema|alias|identifier)": "[^"\\\\]*' + re.escape(MASK).encode()
)
_CONTENTS = (
    *("nodes", "sources", "macros", "exposures", "metrics", "functions", "unit_tests"),
    *("parent_map", "child_map"),
)


def state(context: StepContext, workspace: Workspace) -> Path | None:
    """Return the directory to compare and defer to; None when the job wants none or none exists.

    Raises `ConfigError` for a pull request without one, for dbt would build everything there or
    fail without saying why; `ArtifactError` when it can't be read.
    """
    run, wanted = context.run, context.run.job.deferral
    why_not = run.job.why_no_deferral
    if why_not is not None:
        nothing = f"Nothing to defer to. {why_not}."
        return _without(context, workspace, nothing, remedy="Correct that")
    if wanted is None:
        return None
    if isinstance(wanted, DeferToEnvironment):
        owner = run.artifacts.environment(wanted.environment)
        name = f"environment {wanted.environment!r}"
    else:
        owner, name = run.artifacts.job(wanted.job), f"job {wanted.job!r}"
    published = run.artifacts.published(owner, "state")
    if published is None:
        nothing = (
            f"Nothing to defer to: {name} has had no successful run yet, and deferral needs one."
        )
        remedy = "Run one of its jobs once, `dbt compile` is enough"
        return _without(context, workspace, nothing, remedy=remedy)
    context.console.say(f"Deferring to the state of {name}, run {published.name}")
    context.progress.deferred_to = published.name
    found = run.artifacts.fetch(published, run.work / "state")
    _refuse_masked(found / "manifest.json", name)
    return found


def _without(
    context: StepContext, workspace: Workspace, nothing: str, *, remedy: str
) -> Path | None:
    if not context.run.is_ci:
        context.console.say(f"{nothing} This command runs without --defer and --state.")
        return None
    if context.run.environment.project.pull_requests.without_state == "fail":
        raise ConfigError(
            f"{nothing} {remedy}; or have pull requests build all that they select until then: "
            "`pull_requests.without_state: build_all`"
        )
    context.console.say(f"{nothing} Everything counts as new until then.")
    return _nothing(context, workspace)


def parsed(context: StepContext, workspace: Workspace) -> Path:
    """Have dbt parse the project in the step's own target directory, and return its manifest."""
    said: list[str] = []
    ended = workspace.run(
        ("parse",),
        directory=context.directory,
        on_line=said.append,
        timeout_seconds=runs.seconds_left(context.run),
    )
    if ended.code != 0:
        raise DbtError(f"`dbt parse` failed (exit {ended.code}): {last_words(said)}")
    return context.directory / "target" / "manifest.json"


def _nothing(context: StepContext, workspace: Workspace) -> Path:
    """Return the directory of an empty state, as this dbt writes it: every node differs from it."""
    place = context.run.work / "nothing"
    place.mkdir(exist_ok=True)
    with document(parsed(context, workspace), "manifest") as manifest:
        maps = {name: dict[str, object]() for name in _CONTENTS if name in manifest}
        (place / "manifest.json").write_text(json.dumps({**manifest, **maps}), encoding="utf-8")
    return place


def _refuse_masked(manifest: Path, name: str) -> None:
    """Raise `ConfigError` when dbt could not find the relations that `manifest` names."""
    found = _MASKED.search(manifest.read_bytes()) if manifest.is_file() else None
    if found is not None:
        what = found["what"].decode()
        raise ConfigError(
            f"the state of {name} can't be deferred to: a {what} in it is {MASK!r}, for no "
            f"artifact tells the value of a secret; give that {what} as plain text instead of "
            "`env:` or `file:`"
        )
