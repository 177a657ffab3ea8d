"""The listener that keeps the deferred nodes and the rows of failed tests of an ended command."""

from collections.abc import Callable, Collection, Mapping, Sequence

from deploy_project.ci.comment.deferred_nodes import deferred
from deploy_project.ci.telling.command_facts import CommandFacts, write
from deploy_project.dbt.arguments.commands import changes_warehouse
from deploy_project.dbt.artifacts.column_facts import reads_sensitive
from deploy_project.dbt.artifacts.events import Event
from deploy_project.dbt.artifacts.manifest import Manifest, read_manifest
from deploy_project.dbt.artifacts.results import NodeResult, read_run_results
from deploy_project.dbt.relations.selects import Selected
from deploy_project.errors import DeployError
from deploy_project.releases.questions import asking
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.run_facts import Sample
from deploy_project.runs.model.step_context import CommandContext

MOST_TESTS = 10
MOST_ROWS = 5
TIMEOUT_SECONDS = 300


class CommandListener:
    """Keeps the facts of each command of a pull request's run, once dbt has ended."""

    def __init__(self) -> None:
        self._context: CommandContext | None = None

    def opened(self, context: CommandContext) -> None:
        """Remember the context of the command."""
        self._context = context

    def heard(self, event: Event) -> None:
        """Take no notice."""

    def closed(self) -> None:
        """Leave the findings in the step's directory; without them, the comment only says less."""
        context = self._context
        assert context is not None
        try:
            _look(context)
        except DeployError as error:
            context.say(f"What this command has come to can't be told in full: {error}")
        except Exception as error:  # the run must not fail for want of a comment
            kind = type(error).__name__
            context.say(f"What this command has come to can't be told in full: {kind}: {error}")


def _look(context: CommandContext) -> None:
    file = context.target_directory / "run_results.json"
    if not changes_warehouse(context.step.arguments) or not file.exists():
        return
    results = read_run_results(file).results
    ours = read_manifest(context.target_directory / "manifest.json")
    theirs = read_manifest(context.state / "manifest.json") if context.state is not None else None
    read = deferred(results, ours, theirs) if theirs is not None else ()
    samples: Mapping[str, Sample] = {}
    if context.run.environment.project.pull_requests.sample_rows:
        wanted = statements(results, ours, *([theirs] if theirs is not None else ()))
        samples = rows_of_tests(context, wanted)
    write(CommandFacts(tuple(read), samples), context.target_directory.parent)


def rows_of_tests(context: CommandContext, wanted: Mapping[str, str]) -> Mapping[str, Sample]:
    """Return the first rows of `wanted`, those of `statements`, by the environment's own adapter.

    Rows that can't be had are told in the step's log.
    """
    if not wanted:
        return {}
    found = asking.selected(
        context.workspace,
        wanted,
        most=MOST_ROWS,
        directory=context.run.work / "rows" / context.step.directory,
        timeout_seconds=_patience(context),
    )
    for name, each in found.items():
        if each.error:
            context.say(f"The rows that {name} has found can't be had: {each.error}")
    return {name: _sample(each) for name, each in found.items() if each.rows}


def _sample(selected: Selected) -> Sample:
    return Sample(tuple(selected.columns), tuple(map(tuple, selected.rows)))


def _patience(context: CommandContext) -> Callable[[], float]:
    def left() -> float:
        seconds = runs.seconds_left(context.run)
        return TIMEOUT_SECONDS if seconds is None else min(seconds, TIMEOUT_SECONDS)

    return left


def statements(
    results: Sequence[NodeResult],
    manifest: Manifest,
    *others: Manifest,
    statuses: Collection[str] = ("fail",),
) -> Mapping[str, str]:
    """Return the SELECT of the failing rows for each of the first failed tests, by unique id.

    `statuses` are those of the tests that count as failed.

    A test that stores its failures has them in a table. Tests that read anything that one of the
    manifests marks as sensitive are left out.
    """
    failed = [
        each
        for each in results
        if each.unique_id.startswith("test.") and each.status in statuses and each.compiled_code
        if not reads_sensitive(each.unique_id, manifest, *others)
    ]
    found: dict[str, str] = {}
    for each in failed[:MOST_TESTS]:
        node = manifest.nodes.get(each.unique_id)
        stored = node.relation_name if node is not None else ""  # dbt has quoted it
        sql = f"select * from {stored}" if stored else each.compiled_code  # noqa: S608
        found[each.unique_id] = sql
    return found
