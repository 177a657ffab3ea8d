"""The step "Compare changes": production's data beside the pull request's (CI-16)."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from deploy_project.ci.compare.comparison import CompareDocument, Comparison, compared, to_json
from deploy_project.ci.compare.relations import Candidate, candidates
from deploy_project.ci.compare.report import overview, section, summary, told
from deploy_project.config import small_files
from deploy_project.dbt.artifacts.manifest import read_manifest
from deploy_project.dbt.relations import compare
from deploy_project.dbt.relations.compare import Pair
from deploy_project.dbt.relations.stand_in import Fact
from deploy_project.errors import ConfigError, DbtError
from deploy_project.releases import parses
from deploy_project.releases.questions.asking import asking
from deploy_project.releases.questions.listing import listed
from deploy_project.releases.workspace import Workspace
from deploy_project.runs.model import run as runs
from deploy_project.runs.model.step_context import StepContext
from deploy_project.runs.steps import deferral
from deploy_project.runs.steps.actions import ready_for_dbt, workspace_of

DOCUMENT = "compare.json"
SECTION = "compare.md"


def compare_changes(context: StepContext) -> None:
    """Compare the nodes that the job's flags select, and keep the result among the artifacts.

    A model that can't be compared is told as such; `DbtError` then, when all others are done.
    """
    run = context.run
    if not run.is_ci:
        context.console.say("Nothing to compare: this is not the run of a pull request")
        return
    workspace = workspace_of(context)
    with ready_for_dbt(context, workspace):
        parses.lend(workspace.parsed, context.directory / "target")
        state = deferral.state(context, workspace)
        if state is None:
            raise ConfigError(
                f"job {run.job.identifier!r} has nothing to compare with: it defers to nothing; "
                "name a `deferring_environment`, or have a production environment"
            )
        found = _compared(context, workspace, _candidates(context, workspace, state))
    shutil.rmtree(context.directory / "target", ignore_errors=True)
    document = CompareDocument(found, run.job.defers_to, shlex.join(run.job.compare_changes_flags))
    _keep(context, document)
    failed = [each for each in found if each.outcome == "failed"]
    if failed:
        names = ", ".join(each.name for each in failed)
        raise DbtError(f"{len(failed)} of {len(found)} could not be compared: {names}")


def _candidates(context: StepContext, workspace: Workspace, state: Path) -> list[Candidate]:
    selected = listed(
        workspace,
        context.run.job.compare_changes_flags,
        fields=["unique_id"],
        of="what is to be compared",
        directory=context.directory,
        state=state,
        on_line=context.console.say,
        timeout_seconds=runs.seconds_left(context.run),
    )
    return candidates(
        [each["unique_id"] for each in selected],
        read_manifest(context.directory / "target" / "manifest.json"),
        read_manifest(state / "manifest.json"),
    )


def _compared(
    context: StepContext, workspace: Workspace, found: Sequence[Candidate]
) -> list[Comparison]:
    pairs = {each.known.unique_id: each.pair for each in found if each.pair is not None}
    facts, errors = _asked(context, workspace, pairs) if pairs else ([], {})
    by_node: dict[str, list[Fact]] = {unique_id: [] for unique_id in pairs}
    for fact in facts:
        by_node[fact["of"]].append(fact)
    comparisons: list[Comparison] = []
    for candidate in found:
        known, unique_id = candidate.known, candidate.known.unique_id
        if unique_id in errors:
            known = replace(known, why=errors[unique_id])
        elif candidate.pair is not None:
            known = compared(known, by_node[unique_id])
        comparisons.append(known)
    return comparisons


def _asked(
    context: StepContext, workspace: Workspace, pairs: Mapping[str, Pair]
) -> tuple[list[Fact], dict[str, str]]:
    """Compare the pairs in the warehouse; one dbt process, unless a model fails."""
    rules = context.run.environment.project.pull_requests
    with_samples = rules.sample_rows
    began: list[str] = []

    def hear(fact: Fact) -> None:
        if "begun" in fact:
            began.append(fact["of"])
            after = pairs[fact["of"]].after
            context.console.say(f"Comparing {len(began)} of {len(pairs)}: {after} …")

    directory = context.directory / "compare"
    directory.mkdir(exist_ok=True)
    ask = asking(workspace, directory, compare.macros())
    try:
        return ask.each(
            compare.MACRO,
            {key: compare.given(each, with_samples=with_samples) for key, each in pairs.items()},
            on_fact=hear,
            timeout_seconds=lambda: runs.seconds_left(context.run),
        )
    finally:
        for made in ("project", "target"):
            shutil.rmtree(directory / made, ignore_errors=True)
        with suppress(OSError):
            (directory / "dbt.log").replace(context.directory / "compare.log")
            directory.rmdir()


def _keep(context: StepContext, document: CompareDocument) -> None:
    small_files.write_text(context.directory / DOCUMENT, to_json(document))
    small_files.write_text(context.directory / SECTION, section(document) + "\n")
    context.progress.overview = "\n".join(overview(document)).strip()
    for each in document.comparisons:
        for line in told(each):
            context.console.say(line)
    context.console.say(summary(document.comparisons))
