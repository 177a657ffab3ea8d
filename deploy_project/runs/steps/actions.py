"""The actions of the clone, profile and dbt steps; they fail with the tool's own words."""

import signal
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from deploy_project.config.state import Checkout
from deploy_project.dbt.arguments import flags
from deploy_project.dbt.arguments.commands import changes_files
from deploy_project.dbt.artifacts.console import last_words
from deploy_project.dbt.artifacts.events import Event, NodeFinished, shortened
from deploy_project.dbt.processes.process import Exit
from deploy_project.dbt.project.paths import overridden
from deploy_project.errors import ConfigError, ConflictError, DbtError, DeployError
from deploy_project.git.checkouts import hold
from deploy_project.releases import parses, strangers
from deploy_project.releases.packages.installing import ensure_packages, forget_remotes
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import overrides
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.code import remember
from deploy_project.runs.model.plan import Kind
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.step_context import CommandContext, StepContext
from deploy_project.runs.retry import resumption
from deploy_project.runs.retry.resumption import Call
from deploy_project.runs.steps import deferral
from deploy_project.runs.steps.first_parse import FirstParse
from deploy_project.runs.store.shared_target import SharedTarget

_SHOWN_LINES = 12
CONFLICTS = "merge conflicts"
"""The name of the fact that a step's commit can't be merged with the base."""


def _clone(context: StepContext) -> None:
    if why_not := context.run.job.why_off or context.run.why_refused:
        raise ConfigError(why_not)
    found, say = runs.source(context.run), context.console.say
    if found.used_repo_cache:
        for line in ("*** WARNING: THIS MAY BE AN OLD COMMIT ***", *found.outage.splitlines()):
            say(line)
    say(f"Commit {found.commit} of {found.branch or 'no known branch'}")
    if asked := overrides.told(context.run.overrides.written):
        say(f"Asked for: {asked}")
    if runs.is_of_a_stranger(context.run):
        for line in strangers.warnings(context.run.environment.project.pull_requests):
            say(line)
    if not context.run.is_ci and (why := runs.why_unpublished(context.run)):
        say(f"This run publishes neither state nor docs, and deploys nothing: {why}")
    if found.merged_with:
        say(f"Merging it with {found.merged_with}")
    say(f"Checked out at {_checkout(context).tree}")
    remember(found, context.run.environment, context.run.state)
    with suppress(DeployError):  # the next step tells what is wrong with the profile
        for line in runs.connection(context.run).lines():
            say(line)


def _checkout(context: StepContext) -> Checkout:
    try:
        return runs.checkout(context.run)
    except ConflictError:
        context.progress.facts[CONFLICTS] = 1
        raise


def workspace_of(context: StepContext) -> Workspace:
    """Return the workspace of the run, its databases copied; the step now scrubs its secrets."""
    workspace = runs.ready(context.run)
    context.progress.scrubber = workspace.scrubber
    runs.copy_database(context.run, workspace, context.console.say)
    return workspace


def _profile(context: StepContext) -> None:
    workspace = workspace_of(context)
    profile, say = workspace.profile, context.console.say
    say(f"dbt {workspace.installation.dbt_version} with the {profile.adapter} adapter")
    say(f"Target {profile.target!r}" + (f", schema {profile.schema!r}" if profile.schema else ""))
    if context.run.schema_override:
        say(f"Override schema to {context.run.schema_override!r}")
    for line in (*workspace.connection.lines(), *overridden(workspace.project_directory)):
        say(line)
    if left_out := workspace.given.left_out:
        say(
            f"dbt is not given {', '.join(left_out)}, since this code is not of the environment's "
            "branch; `pass_variables:` of deploy.yaml may name them"
        )


def _deps(context: StepContext) -> None:
    workspace = workspace_of(context)
    with hold(workspace.checkout):
        _packages(context, workspace)


def _packages(context: StepContext, workspace: Workspace) -> None:
    left = runs.seconds_left(context.run)
    ensure_packages(workspace, context.directory, context.console.say, timeout_seconds=left)
    _mark(context.run, _WITH_PACKAGES)


@contextmanager
def ready_for_dbt(context: StepContext, workspace: Workspace) -> Generator[None]:
    """Hold the checkout, and its packages in the run's copy, while a command of dbt runs."""
    with hold(workspace.checkout):
        if not _is_marked(context.run, _WITH_PACKAGES):  # a retry that begins after that step
            _packages(context, workspace)
        yield


def _command(context: StepContext) -> None:
    workspace = workspace_of(context)
    with ready_for_dbt(context, workspace):
        target = context.directory / "target"
        first = _first_parse(context, workspace, target)
        shared = _shared(context, workspace)
        given = shared.hand_on(target)
        state = deferral.state(context, workspace) if context.step.kind == "command" else None
        call = Call(context.step.arguments, state)
        if context.run.resumes:
            call = resumption.call(context, workspace, call)
        try:
            ended = _dbt(
                context, workspace, call, state, first, lambda: shared.take_back(target, given)
            )
        finally:
            _left_by(context, workspace)
            shared.take_over(target, given)
    context.progress.exit_code = ended.code
    if ended.code != 0:
        why = _failed(context, ended.code)
        refused = workspace.stranger.why(why) if workspace.stranger else ""
        raise DbtError("\n".join(filter(None, (why, refused))))


def _first_parse(context: StepContext, workspace: Workspace, target: Path) -> FirstParse | None:
    """Lend a command the parse of its commit; where nobody has parsed that yet, it is the first.

    Only the first command of a run parses the commit as it is.
    """
    run = context.run
    if _is_marked(run, _CHANGED):
        return None
    if parses.lend(workspace.parsed, target) or workspace.parsed.is_dir():
        return None
    if _is_marked(run, _USED) or changes_files(context.step.arguments):
        return None
    return FirstParse.begun(context, workspace, target)


def _shared(context: StepContext, workspace: Workspace) -> SharedTarget:
    """Return the steps' shared target; a retry fills it with the files of the steps left out."""
    run, shared = context.run, SharedTarget(workspace.project_directory / "target")
    if run.resumes and not _is_marked(run, _FILLED):
        for record in resumption.left_out(run):
            with run.artifacts.explained(f"reading the artifacts of run {record.done_by}"):
                shared.receive(run.artifacts.run(record.done_by) / record.directory / "target")
        _mark(run, _FILLED)
    return shared


def _left_by(context: StepContext, workspace: Workspace) -> None:
    """Mark the run's copy of the project as used, and as changed if the command changes files."""
    _mark(context.run, _USED)
    if changes_files(context.step.arguments):
        _mark(context.run, _CHANGED)
        forget_remotes(workspace.tree)


_WITH_PACKAGES, _USED, _CHANGED, _FILLED = "with-packages", "used", "changed", "filled"
"""The marks on a run's copy of the project: an empty file beside it for each."""


def _mark(run: Run, what: str) -> None:
    (run.work / what).touch()


def _is_marked(run: Run, what: str) -> bool:
    return (run.work / what).exists()


def _dbt(
    context: StepContext,
    workspace: Workspace,
    call: Call,
    state: Path | None,
    first: FirstParse | None,
    leave_its_own: Callable[[], None],
) -> Exit:
    """Run the step's command; the listener hears it all, and the `first` parse is kept.

    It is run once more when it could not go on from the parse of another commit.
    `leave_its_own` takes other steps' files out of the target, before anybody reads it.
    """
    run, step = context.run, context.step
    target = context.directory / "target"
    kept = run.artifacts.run(run.id) / step.directory
    command = CommandContext(
        run, step, runs.source(run), workspace, target, kept, state, context.console.say
    )

    def lasting(text: str) -> str:  # where dbt says that its files are, they are only for now
        return text.replace(str(context.directory), str(kept)).replace(f"{workspace.tree}/", "")

    def take(event: Event) -> None:
        if isinstance(event, NodeFinished):
            event = replace(event, message=lasting(event.message))
        context.progress.heard(event)
        context.listener.heard(event)

    def hear(event: Event) -> None:
        if first is None:
            take(event)
        else:
            first.heard(event, take)

    def carry_out() -> Exit:
        return workspace.run(
            told.arguments,
            variables=told.variables,
            directory=context.directory,
            on_line=lambda line: context.console.say(lasting(line)),
            on_event=hear,
            state=call.state,
            timeout_seconds=runs.seconds_left(run),
            before=before,
        )

    before = context.listener.opened(command)
    told = flags.of_a_step(call.arguments, workspace.variables, workspace.flags)
    for note in told.notes:
        context.console.say(note)
    ended = carry_out()
    if first is not None:
        if line := first.failed(ended):
            context.console.say(line)
            ended = carry_out()
        first.keep(take)
    leave_its_own()
    _rewrite(target / "run_results.json", lasting)
    context.listener.closed()
    return ended


def _rewrite(results: Path, lasting: Callable[[str], str]) -> None:
    if results.is_file():
        text = results.read_bytes().decode("utf-8", errors="surrogateescape")
        if lasting(text) != text:
            results.write_bytes(lasting(text).encode("utf-8", errors="surrogateescape"))


Action = Callable[[StepContext], None]
"""Carries out a step; raises a `DeployError` when it fails."""

ACTIONS: Mapping[Kind, Action] = {
    "clone": _clone,
    "profile": _profile,
    "deps": _deps,
    "freshness": _command,
    "command": _command,
    "docs": _command,
}


def _failed(context: StepContext, code: int) -> str:
    command = context.progress.command or " ".join(("dbt", *context.step.arguments))
    counts = context.progress.counts
    if code < 0:
        return f"`{command}` was ended from outside by {signal.Signals(-code).name}"
    bad = [f"{counts[word]} {word}" for word in ("error", "fail") if counts[word]]
    if code == 1 and bad:
        skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
        reasons = "\n".join([context.progress.why, *context.progress.problems])
        return f"`{command}` failed: {', '.join(bad)}{skipped}\n{reasons}"
    if context.progress.problems:
        return f"`{command}` failed (exit {code}): {_beginning(context.progress.problems)}"
    said = [line for line in context.console.said if not line.startswith("=== ")]
    return f"`{command}` failed (exit {code}): {last_words(said)}"


def _beginning(problems: list[str]) -> str:
    lines = [line for line in "\n".join(problems).splitlines() if line.strip()]
    return shortened("\n".join(lines[:_SHOWN_LINES]))
