"""The reports for a pull request's comment, from its run and the artifacts (CI-13, CI-17)."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal

from deploy_project.ci.comment.report import FailedTest, NodeLine, Report, StepLine
from deploy_project.ci.compare.step import SECTION
from deploy_project.ci.lint import report
from deploy_project.ci.lint.step import RESULT
from deploy_project.ci.telling.command_facts import FILE, CommandFacts, read
from deploy_project.config.values.deployment import Job
from deploy_project.dbt.arguments.commands import changes_warehouse
from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.results import NodeResult, read_run_results
from deploy_project.errors import ArtifactError, ConfigError, DbtError, LintError
from deploy_project.git.hosting import commit_url
from deploy_project.git.hosts.host import State
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import Sample
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.steps.actions import CONFLICTS

_TESTS = ("test", "unit_test")
_OUTCOMES: dict[str, Literal["built", "failed", "skipped"]] = {
    "success": "built",
    "error": "failed",
    "skipped": "skipped",
}


def begun(run: Run, source: Code) -> Report:
    """Return the report for the beginning of a pull request's run."""
    return Report(
        run.job.identifier,
        run.environment.name,
        "pending",
        source.commit,
        commit_url=_commit_page(run.job, source.commit),
        merged_with=source.merged_with,
        run_url=run.deployment.run_page(run.id),
        deferred_to=run.job.defers_to,
        schema=_schema(run),
    )


def ended(finished: FinishedRun, commit: str) -> Report:
    """Return the report for the end of a pull request's run."""
    run, results, findings = finished.run, _results(finished), _findings(finished)
    deferred_run = _deferred_run(finished)
    return Report(
        run.job.identifier,
        run.environment.name,
        _state(finished),
        commit,
        commit_url=_commit_page(run.job, commit),
        run_url=run.deployment.run_page(run.id),
        reason=finished.why,
        lint=_lint(finished),
        merged_with=finished.source.merged_with if finished.source else "",
        seconds=(finished.ended_at - finished.started_at).total_seconds(),
        steps=[StepLine(each.name, each.status, each.seconds) for each in finished.steps],
        nodes=list(_nodes(results)),
        tests=list(_failed_tests(results, findings)),
        deferred=_deferred(results, findings),
        deferred_to=run.job.defers_to if deferred_run else "",
        deferred_run=deferred_run,
        deferred_url=run.deployment.run_page(deferred_run) if deferred_run else "",
        schema=_schema(run),
        compare=_compare(finished),
    )


def refused(job: Job, commit: str, reason: str) -> Report:
    """Return the report for a commit that is not built."""
    return Report(
        job.identifier,
        job.environment.name,
        "error",
        commit,
        commit_url=_commit_page(job, commit),
        reason=reason,
    )


def _state(finished: FinishedRun) -> State:
    """Return `failure` when dbt, SQLFluff or git say that the code is wrong, else `error`."""
    if finished.outcome is Status.SUCCESS:
        return "success"
    is_found = any(
        step.status is Status.ERROR
        and (step.kind in ("command", "lint") or CONFLICTS in step.facts)
        for step in finished.steps
    )
    return "failure" if finished.outcome is Status.ERROR and is_found else "error"


def _lint(finished: FinishedRun) -> str:
    """Return the section on linting, of this run or of the one that it goes on from."""
    for step in finished.steps:
        place = finished.run.artifacts.run(step.done_by or finished.run.id)
        file = place / step.directory / RESULT
        if step.kind == "lint" and file.exists():
            with suppress(LintError):  # cut off
                return report.section(report.read(file))
    return ""


def _commit_page(job: Job, commit: str) -> str:
    return commit_url(job.environment.project.hosting, commit)


def _deferred_run(finished: FinishedRun) -> str:
    """Return the run of the state that the commands were compared with; empty for none."""
    return next((each.deferred_to for each in reversed(finished.steps) if each.deferred_to), "")


def _deferred(results: Iterable[NodeResult], findings: CommandFacts) -> list[str]:
    """Return the names of the nodes that were read from the state, and not built later on."""
    built = {each.unique_id for each in results if each.status == "success"}
    return sorted(node_names.name(each) for each in findings.deferred if each not in built)


def _schema(run: Run) -> str:
    try:
        return run.schema_override or ""
    except ConfigError:  # the run itself has failed for it, and told why
        return ""


def _results(finished: FinishedRun) -> list[NodeResult]:
    """Return the last result of every node, in the order of the commands; of hooks, failures."""
    found: dict[str, NodeResult] = {}
    place = finished.run.artifacts.run(finished.run.id)
    for step in finished.steps:
        file = place / step.directory / "target" / "run_results.json"
        if not changes_warehouse(step.arguments) or not file.exists():
            continue
        try:
            results = read_run_results(file).results
        except (ArtifactError, DbtError, OSError):
            continue  # a killed dbt leaves files cut off
        found |= {each.unique_id: each for each in results if not _is_silent(each)}
    return list(found.values())


def _compare(finished: FinishedRun) -> str:
    """Return the section that the compare step has left; empty when it has left none."""
    place = finished.run.artifacts.run(finished.run.id)
    for step in finished.steps:
        if step.kind == "compare":
            with suppress(OSError):
                return (place / step.directory / SECTION).read_text(encoding="utf-8")
    return ""


def _findings(finished: FinishedRun) -> CommandFacts:
    """Return the facts of all commands together; of the samples, the later one counts."""
    found = CommandFacts()
    place = finished.run.artifacts.run(finished.run.id)
    for step in finished.steps:
        with suppress(ArtifactError, OSError):  # without them the comment only says less
            file = place / step.directory / FILE
            more = read(file) if file.exists() else CommandFacts()
            deferred = {**dict.fromkeys(found.deferred), **dict.fromkeys(more.deferred)}
            found = CommandFacts(tuple(deferred), {**found.samples, **more.samples})
    return found


def _is_silent(result: NodeResult) -> bool:
    return result.unique_id.startswith("operation.") and result.status == "success"


def _nodes(results: Iterable[NodeResult]) -> Iterator[NodeLine]:
    for each in results:
        outcome = _OUTCOMES.get(each.status)
        is_test = node_names.kind(each.unique_id) in _TESTS
        if outcome is not None and not (is_test and outcome != "skipped"):
            message = each.message if outcome == "failed" else ""
            yield NodeLine(
                node_names.name(each.unique_id), outcome, each.execution_seconds, message
            )


def _failed_tests(results: Iterable[NodeResult], findings: CommandFacts) -> Iterator[FailedTest]:
    for each in results:
        if node_names.kind(each.unique_id) in _TESTS and each.status in ("fail", "error"):
            sample = findings.samples.get(each.unique_id, Sample((), ()))
            name = node_names.name(each.unique_id)
            yield FailedTest(name, each.message, each.failures, sample.columns, sample.rows)
