"""What each kind of step does; a failure is a `DeployError` with the tool's own words."""

import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from deploy_project.config.state import Checkout
from deploy_project.dbt.arguments import flags
from deploy_project.dbt.arguments.commands import changes_files
from deploy_project.dbt.artifacts.events import Event, Finished, shortened
from deploy_project.dbt.processes.process import Exit
from deploy_project.dbt.project.paths import overridden
from deploy_project.errors import ConfigError, ConflictError, DbtError, DeployError
from deploy_project.git.checkouts import hold
from deploy_project.releases import parses
from deploy_project.releases.packages import ensure_packages, forget_remotes, last_words
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.code import remember
from deploy_project.runs.model.plan import Kind, Step
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.step_context import Scene, Stage
from deploy_project.runs.retry import resumption
from deploy_project.runs.retry.resumption import Call
from deploy_project.runs.steps import deferral
from deploy_project.runs.store.shared_target import SharedTarget

_SHOWN_LINES = 12
CONFLICTS = "merge conflicts"
"""The fact of a step that has found that its commit can't be merged with the base."""


def _clone(stage: Stage) -> None:
    if stage.run.job.why_off is not None:
        raise ConfigError(stage.run.job.why_off)
    found, say = runs.source(stage.run), stage.console.say
    if found.used_repo_cache:
        for line in ("*** WARNING: THIS MAY BE AN OLD COMMIT ***", *found.outage.splitlines()):
            say(line)
    say(f"Commit {found.commit} of {found.branch or 'no known branch'}")
    if found.merged_with:
        say(f"Merging it with {found.merged_with}")
    say(f"Checked out at {_checkout(stage).tree}")
    remember(found, stage.run.environment, stage.run.state)
    with suppress(DeployError):  # the next step tells what is wrong with the profile
        for line in runs.connection(stage.run).lines():
            say(line)


def _checkout(stage: Stage) -> Checkout:
    try:
        return runs.checkout(stage.run)
    except ConflictError:
        stage.progress.facts[CONFLICTS] = 1
        raise


def workspace_of(stage: Stage) -> Workspace:
    """Return the workspace of the run, whose secrets the step shall keep from now on."""
    workspace = runs.ready(stage.run)
    stage.progress.scrubber = workspace.scrubber
    runs.copy_database(stage.run, workspace, stage.console.say)
    return workspace


def _profile(stage: Stage) -> None:
    workspace = workspace_of(stage)
    profile, say = workspace.profile, stage.console.say
    say(f"dbt {workspace.installation.dbt_version} with the {profile.adapter} adapter")
    say(f"Target {profile.target!r}" + (f", schema {profile.schema!r}" if profile.schema else ""))
    if stage.run.schema_override:
        say(f"Override schema to {stage.run.schema_override!r}")
    for line in (*workspace.connection.lines(), *overridden(workspace.project_directory)):
        say(line)


def _deps(stage: Stage) -> None:
    workspace = workspace_of(stage)
    with hold(workspace.checkout):
        _packages(stage, workspace)


def _packages(stage: Stage, workspace: Workspace) -> None:
    left = runs.seconds_left(stage.run)
    ensure_packages(workspace, stage.directory, stage.console.say, timeout_seconds=left)
    _mark(stage.run, _WITH_PACKAGES)


@contextmanager
def ready_for_dbt(stage: Stage, workspace: Workspace) -> Generator[None]:
    """Keep the checkout, and have its packages in the run's copy, while a command of dbt runs."""
    with hold(workspace.checkout):
        if not _is_marked(stage.run, _WITH_PACKAGES):  # a retry that begins after that step
            _packages(stage, workspace)
        yield


def _command(stage: Stage) -> None:
    workspace = workspace_of(stage)
    with ready_for_dbt(stage, workspace):
        target = stage.directory / "target"
        if not _is_marked(stage.run, _CHANGED):
            parses.lend(workspace.parsed, target)
        shared = _shared(stage, workspace)
        given = shared.hand_on(target)
        state = deferral.state(stage, workspace) if stage.step.kind == "command" else None
        call = Call(stage.step.arguments, state)
        if stage.run.resumes:
            call = resumption.call(stage, workspace, call)
        try:
            ended = _dbt(stage, workspace, call, state, lambda: shared.take_back(target, given))
        finally:
            _left_by(stage, workspace)
            shared.take_over(target, given)
    stage.progress.exit_code = ended.code
    if ended.code != 0:
        raise DbtError(_failed(stage, ended.code))


def _shared(stage: Stage, workspace: Workspace) -> SharedTarget:
    """Return what the steps before share; in a retry also those that the run before has done."""
    run, shared = stage.run, SharedTarget(workspace.project_directory / "target")
    if run.resumes and not _is_marked(run, _FILLED):
        for record in resumption.left_out(run):
            with run.artifacts.explained(f"reading the artifacts of run {record.done_by}"):
                shared.receive(run.artifacts.run(record.done_by) / record.directory / "target")
        _mark(run, _FILLED)
    return shared


def _left_by(stage: Stage, workspace: Workspace) -> None:
    """Remember that dbt has been there, and perhaps changed the run's copy of the project."""
    _mark(stage.run, _USED)
    if changes_files(stage.step.arguments):
        _mark(stage.run, _CHANGED)
        forget_remotes(workspace.tree)


_WITH_PACKAGES, _USED, _CHANGED, _FILLED = "with-packages", "used", "changed", "filled"
"""What has been done with a run's copy of the project: an empty file beside it for each."""


def _mark(run: Run, what: str) -> None:
    (run.work / what).touch()


def _is_marked(run: Run, what: str) -> bool:
    return (run.work / what).exists()


def _dbt(
    stage: Stage,
    workspace: Workspace,
    call: Call,
    state: Path | None,
    leave_its_own: Callable[[], None],
) -> Exit:
    """Run the step's command; the listener hears it all, and a parse of the commit is kept.

    `leave_its_own` takes what is another step's out of the target, before anybody reads it.
    """
    run, step = stage.run, stage.step
    target = stage.directory / "target"
    kept = run.artifacts.run(run.id) / step.directory
    scene = Scene(run, step, runs.source(run), workspace, target, kept, state, stage.console.say)

    def lasting(text: str) -> str:  # where dbt says that its files are, they are only for now
        return text.replace(str(stage.directory), str(kept)).replace(f"{workspace.tree}/", "")

    def hear(event: Event) -> None:
        if isinstance(event, Finished):
            event = replace(event, message=lasting(event.message))
        stage.progress.heard(event)
        stage.listener.heard(event)

    before = stage.listener.opened(scene)
    told = flags.of_a_step(call.arguments, workspace.variables, workspace.flags)
    for note in told.notes:
        stage.console.say(note)
    ended = workspace.run(
        told.arguments,
        variables=told.variables,
        directory=stage.directory,
        on_line=lambda line: stage.console.say(lasting(line)),
        on_event=hear,
        state=call.state,
        timeout_seconds=runs.seconds_left(run),
        before=before,
    )
    # Only the first command of a run parses the commit as it is, and not with `--vars`.
    if not _is_marked(run, _USED) and not changes_files(step.arguments) and not _vars(step):
        parses.keep(target, workspace.parsed, workspace.scrubber)
    leave_its_own()
    _rewrite(target / "run_results.json", lasting)
    stage.listener.closed()
    return ended


def _vars(step: Step) -> bool:
    return any(word.startswith("--vars") for word in step.arguments)


def _rewrite(results: Path, lasting: Callable[[str], str]) -> None:
    if results.is_file():
        text = results.read_text(encoding="utf-8")
        if lasting(text) != text:
            results.write_text(lasting(text), encoding="utf-8")


Action = Callable[[Stage], None]
"""Carries out a step; raises a `DeployError` when it fails."""

ACTIONS: Mapping[Kind, Action] = {
    "clone": _clone,
    "profile": _profile,
    "deps": _deps,
    "freshness": _command,
    "command": _command,
    "docs": _command,
}


def _failed(stage: Stage, code: int) -> str:
    command = stage.progress.command or " ".join(("dbt", *stage.step.arguments))
    counts = stage.progress.counts
    if code < 0:
        return f"`{command}` was ended from outside by {signal.Signals(-code).name}"
    bad = [f"{counts[word]} {word}" for word in ("error", "fail") if counts[word]]
    if code == 1 and bad:
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        reasons = "\n".join([stage.progress.why, *stage.progress.problems])
        return f"`{command}` failed: {', '.join(bad)}{skipped}\n{reasons}"
    if stage.progress.problems:
        return f"`{command}` failed (exit {code}): {_beginning(stage.progress.problems)}"
    said = [line for line in stage.console.said if not line.startswith("=== ")]
    return f"`{command}` failed (exit {code}): {last_words(said)}"


def _beginning(problems: list[str]) -> str:
    lines = [line for line in "\n".join(problems).splitlines() if line.strip()]
    return shortened("\n".join(lines[:_SHOWN_LINES]))
