"""The facts of a run that has ended, gathered from its steps, artifacts and commit."""

import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from deploy_project.config.values.deployment import DeferToEnvironment, Job
from deploy_project.dbt.artifacts import node_names
from deploy_project.dbt.artifacts.events import uncolored
from deploy_project.dbt.artifacts.results import NodeResult, SourceResult, read_sources, whole_text
from deploy_project.errors import ArtifactError, ConfigError, DbtError
from deploy_project.git.mirror import Described, described
from deploy_project.releases.given import given
from deploy_project.runs.model import tags
from deploy_project.runs.model.overrides import MOST_STEPS
from deploy_project.runs.model.plan import failed_boxes
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import (
    ArtifactFacts,
    CodeFacts,
    CountedTests,
    Deferral,
    Docs,
    FailureFacts,
    FreshnessFacts,
    NodeFacts,
    RunFacts,
    Sample,
)
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome import sampled_rows
from deploy_project.runs.outcome.command_results import CommandResults
from deploy_project.runs.outcome.failure_place import place
from deploy_project.runs.outcome.finished_run import FinishedRun
from deploy_project.runs.store.artifacts import FACTS
from deploy_project.runs.timing.model_timing import NodeTiming, Parents, Timing

LONGEST_MESSAGE = 2_000
"""Characters of a node's message; the reasons of a failure have all that dbt's events have."""
MOST_FAILURES = 100
_FAILED = frozenset({"error", "fail", "runtime error"})
_TESTS = ("test", "unit_test")


def gathered(finished: FinishedRun) -> RunFacts:
    """Return the facts of a run.

    What can't be read is left out, and told on standard error.
    """
    run = finished.run
    commit = finished.source.commit if finished.source is not None else ""
    known = described(run.environment.project, run.state, commit) if commit else None
    sizes: Mapping[str, int] = {}
    try:
        sizes = run.artifacts.sizes(run.id)
    except ArtifactError as error:
        print(f"The facts of the run leave out its artifacts: {error}", file=sys.stderr)
    found = facts(
        finished,
        freshness=_measured(finished),
        rows=sampled_rows.kept(run.artifacts, run.id, finished.steps),
        commit=known,
        sizes=sizes,
    )
    return _without_secrets(run, found)


def _without_secrets(run: Run, found: RunFacts) -> RunFacts:
    """Return facts without the secrets that somebody may have written into a step or a commit."""
    with suppress(ConfigError):  # a secret that can't be read is in no text
        hide = given(run.environment, run.job).scrubber.text
        overrides: Any = json.loads(hide(json.dumps(found.overrides)))
        code = found.code
        if code is not None:
            code = replace(code, subject=hide(code.subject), author=hide(code.author))
        return replace(found, overrides=overrides, code=code)
    return found


def _measured(finished: FinishedRun) -> list[SourceResult]:
    """Return the last freshness of each source that a step of the run has measured."""
    artifacts, found = finished.run.artifacts, dict[str, SourceResult]()
    for step in finished.steps:
        if step.arguments[:2] != ("source", "freshness") or step.done_by:
            continue
        file = artifacts.run(finished.run.id) / step.directory / "target" / "sources.json"
        with suppress(ArtifactError, DbtError), artifacts.explained(f"reading {file}"):
            if file.exists():
                found |= {each.unique_id: each for each in read_sources(file)}
    return list(found.values())


def facts(
    finished: FinishedRun,
    *,
    freshness: Sequence[SourceResult] = (),
    rows: Mapping[str, Sample] | None = None,
    commit: Described | None = None,
    sizes: Mapping[str, int] | None = None,
) -> RunFacts:
    """Return the facts of a run; pure."""
    return replace(
        bare_facts(finished, commit=commit),
        nodes=tuple(_nodes(finished.results, finished.timing)),
        tests=_tests(finished.results),
        freshness=tuple(map(_freshness, freshness)),
        failures=tuple(_failures(finished)),
        rows=rows or {},
        artifacts=tuple(
            ArtifactFacts(whole_text(path), size)
            for path, size in (sizes or {}).items()
            if path != FACTS
        ),
    )


def bare_facts(finished: FinishedRun, *, commit: Described | None = None) -> RunFacts:
    """Return the facts of a run without those of its nodes and files; pure."""
    run, steps = finished.run, finished.steps
    versions = [step.dbt_version for step in steps if step.dbt_version]
    return RunFacts(
        run_id=run.id,
        number=tags.run_number(run.id),
        job=run.job.name,
        job_id=run.job.id,
        environment=run.environment.name,
        project=run.environment.project.name,
        status=finished.outcome,
        reason=plain(finished.why),
        trigger=run.trigger.category,
        cause=run.trigger.cause,
        who=plain(run.who),
        created_at=finished.created_at,
        started_at=finished.started_at,
        finished_at=finished.ended_at,
        code=_code(finished, commit),
        target=run.job.target_name or run.environment.target or "",
        schema=_schema(finished),
        dbt_version=versions[-1] if versions else "",
        overrides=_overrides(run),
        unpublished=finished.unpublished,
        is_strangers=finished.is_strangers,
        pull_request=run.pull_request,
        upstream_run=run.upstream_run or "",
        resumed_run=run.resumes or "",
        deactivated=finished.deactivated,
        failed_steps=tuple(failed_boxes(run.job, steps)),
        steps=tuple(steps),
        deferral=_deferral(run.job, steps),
        docs=_docs(steps, is_published=finished.docs is not None),
    )


def _overrides(run: Run) -> Mapping[str, Any]:
    """Return the overrides that the run was asked for, also where they were refused."""
    return run.overrides.written or {
        name: _shortened(each) for name, each in run.refused_overrides.items()
    }


def _shortened(value: Any) -> Any:
    """Return the beginning of a value that may be of any length."""
    if isinstance(value, list):
        return [_shortened(each) for each in cast(list[Any], value)[:MOST_STEPS]]
    return plain(value, most=LONGEST_MESSAGE) if isinstance(value, str) else value


def plain(text: str, *, most: int | None = None) -> str:
    """Return the beginning of `text` without colors and control characters, save ends of lines."""
    shown = "".join(
        each if each.isprintable() or each in "\n\t" else " " for each in uncolored(text)
    )
    return shown if most is None or len(shown) <= most else f"{shown[: most - 1]}…"


def _code(finished: FinishedRun, commit: Described | None) -> CodeFacts | None:
    source = finished.source
    if source is None:
        return None
    return CodeFacts(
        source.commit,
        source.branch,
        subject=commit.subject if commit else "",
        author=commit.author if commit else "",
        merged_with=source.merged_with,
        outage=source.outage,
    )


def _schema(finished: FinishedRun) -> str:
    try:
        return finished.run.schema_override or ""
    except ConfigError:  # the run itself has failed for it, and told why
        return ""


def _nodes(results: Sequence[CommandResults], timing: Timing) -> Iterator[NodeFacts]:
    timed = {(node.command, node.unique_id): node for node in timing.nodes}
    for index, each in enumerate(results):
        for result in each.command.results:
            yield _node(each.step, result, timed.get((index, result.unique_id)))


def _node(step: StepRecord, result: NodeResult, timed: NodeTiming | None) -> NodeFacts:
    worked = timed is not None and timed.worked
    return NodeFacts(
        unique_id=result.unique_id,
        resource_type=node_names.kind(result.unique_id),
        name=node_names.name(result.unique_id),
        step=step.index,
        status=result.status,
        message=plain(result.message, most=LONGEST_MESSAGE),
        thread=result.thread,
        started_at=timed.start if timed is not None and worked else None,
        finished_at=timed.end if timed is not None and worked else None,
        seconds=result.execution_seconds,
        queue_seconds=timed.queue_seconds if timed is not None and worked else 0.0,
        is_critical=timed is not None and timed.critical,
        failures=result.failures,
    )


def _tests(results: Sequence[CommandResults]) -> CountedTests:
    last = {
        result.unique_id: result.status
        for each in results
        for result in each.command.results
        if node_names.kind(result.unique_id) in _TESTS
    }
    counts = Counter(last.values())
    return CountedTests(
        passed=counts["pass"] + counts["success"],
        warned=counts["warn"],
        failed=counts["fail"],
        errored=counts["error"] + counts["runtime error"],
        skipped=counts["skipped"],
    )


def _freshness(source: SourceResult) -> FreshnessFacts:
    return FreshnessFacts(
        unique_id=source.unique_id,
        name=node_names.name(source.unique_id),
        status=source.status,
        max_loaded_at=source.max_loaded_at,
        snapshotted_at=source.snapshotted_at,
        age_seconds=_number(source.age_seconds),
        warn_after_seconds=_seconds(source.warn_after),
        error_after_seconds=_seconds(source.error_after),
        message=plain(source.error, most=LONGEST_MESSAGE),
    )


def _number(value: object) -> float | None:
    """Return a finite number; None for anything else that a file may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _seconds(period: timedelta | None) -> float | None:
    return None if period is None else period.total_seconds()


def _failures(finished: FinishedRun) -> Iterator[FailureFacts]:
    """Yield the nodes that have failed, then the steps that have without one of their own."""
    told: set[int] = set()
    for each in finished.results:
        for failure in _failed_nodes(each):
            told.add(each.step.index)
            yield failure
    for step in finished.steps:
        if step.status in (Status.ERROR, Status.CANCELLED) and step.index not in told:
            file, line = place(step.message)
            yield FailureFacts(step.index, plain(step.message), file=file, line=line)
    if finished.problem:
        yield FailureFacts(len(finished.steps), plain(finished.problem))


def _failed_nodes(found: CommandResults) -> Iterator[FailureFacts]:
    results = found.command.results
    failed = [each for each in results if each.status in _FAILED][:MOST_FAILURES]
    skipped = [each.unique_id for each in results if each.status == "skipped"]
    below = _below(found.command.parents if failed and skipped else {})
    for each in failed:
        file, line = place(each.message)
        reached = _reached(each.unique_id, below)
        yield FailureFacts(
            step=found.step.index,
            message=plain(each.message),
            unique_id=each.unique_id,
            name=node_names.name(each.unique_id),
            file=file,
            line=line,
            skipped=tuple(each for each in skipped if each in reached),
        )


def _below(parents: Parents) -> Mapping[str, Collection[str]]:
    found = defaultdict[str, list[str]](list)
    for child, above in parents.items():
        for parent in above:
            found[parent].append(child)
    return found


def _reached(start: str, below: Mapping[str, Collection[str]]) -> set[str]:
    """Return all nodes below `start`."""
    found, left = set[str](), [start]
    while left:
        more = [child for child in below.get(left.pop(), ()) if child not in found]
        found.update(more)
        left += more
    return found


def _deferral(job: Job, steps: Sequence[StepRecord]) -> Deferral | None:
    run_id = next((each.deferred_to for each in reversed(steps) if each.deferred_to), "")
    if not run_id:
        return None
    kind = "environment" if isinstance(job.deferral, DeferToEnvironment) else "job"
    return Deferral(f"{kind} {job.defers_to!r}", run_id)


def _docs(steps: Sequence[StepRecord], *, is_published: bool) -> Docs:
    generated = ("docs", "generate")
    step = next((each for each in reversed(steps) if each.arguments[:2] == generated), None)
    if is_published:
        return "published"
    if step is None:
        return ""
    if step.status is Status.SUCCESS or (step.done_by and step.exit_code == 0):
        return "made"
    return "failed" if step.status is not Status.SKIPPED or step.done_by else "skipped"
