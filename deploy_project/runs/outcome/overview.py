"""The run overview (RUN-2) as metadata of the run record; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import TextWrapper
from typing import Any

import dagster as dg

from deploy_project.git.hosting import commit_url
from deploy_project.runs.model import tags
from deploy_project.runs.model.code import Code
from deploy_project.runs.model.plan import failed_boxes
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
from deploy_project.runs.outcome.command_results import CommandResults
from deploy_project.runs.outcome.markdown import block, code, link, table
from deploy_project.runs.timing.chart import data_uri, gantt_svg
from deploy_project.runs.timing.model_timing import Timing, duration_text
from deploy_project.runs.timing.thumbnail import thumbnail_uri

SLOWEST = 10
_WRAPPER = TextWrapper(80, drop_whitespace=False, subsequent_indent="    ")
_IN_PLACE = 850
"""Dagster shows Markdown of up to 1,000 characters without a click."""

Metadata = Mapping[str, dg.MetadataValue[Any]]


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended: its outcome, steps and timing, and the trouble it had."""

    run: Run
    outcome: Status
    """Success, Error or Cancelled."""
    source: Code | None
    created_at: datetime | None
    """The time when Dagster was asked for the run; the time in queue counts from here."""
    started_at: datetime
    ended_at: datetime
    steps: Sequence[StepRecord]
    timing: Timing
    results: Sequence[CommandResults] = ()
    problem: str = ""
    """The error of publishing, which has failed the run after its last step; empty for none."""
    unpublished: str = ""
    """The reason why it was not to publish anything; empty for none."""
    is_strangers: bool = False
    """Whether its code is not of its environment's branch."""
    docs: str | None = None
    """The place of the docs that this run has published."""
    reason: str = ""
    """The reason why it has ended, for when no step tells."""
    deactivated: str = ""
    """The reason why the job is deactivated, when this run's failure has done it."""
    untold: Sequence[str] = ()
    """The errors of telling others of its end, such as the pull request."""
    facts: RunFacts | None = None
    """All of this as `run.json` has it, once that was made."""

    @property
    def warnings(self) -> list[str]:
        """Its warnings in words: `docs failed`, `2 tests with a warning`."""
        found = [f"{each} failed" for each in failed_boxes(self.run.job, self.steps)]
        for kind, what in (("command", "test"), ("freshness", "source")):
            count = sum(each.counts.get("warn", 0) for each in self.steps if each.kind == kind)
            if count:
                found.append(f"{count} {what}{'' if count == 1 else 's'} with a warning")
        if self.source is not None and self.source.used_repo_cache:
            found.append("an older commit, for the remote did not answer")
        return [*found, *(["others were not told"] if self.untold else [])]

    @property
    def failed_boxes(self) -> str:
        """The check-boxes that have failed without failing the run: `source freshness, docs`."""
        return ", ".join(failed_boxes(self.run.job, self.steps))


def overview(finished: FinishedRun) -> Metadata:
    """Return the run overview; numbers are numbers, so that Dagster plots them over time."""
    return {
        **_for_people(finished),
        "steps": dg.MetadataValue.md(steps_table(finished.steps)),
        **_what(finished),
        **_how_long(finished),
        **_timing(finished.timing),
        **_counts(finished.steps),
        **_where(finished),
    }


def _for_people(finished: FinishedRun) -> Metadata:
    """Return the answers to the first questions, in their order."""
    trigger, reason, code_of_it = finished.run.trigger, why(finished), _code(finished)
    return {
        "status": dg.MetadataValue.text(finished.outcome.value),
        **({"reason": dg.MetadataValue.md(_in_place(reason))} if reason else {}),
        **_texts({"warnings": ", ".join(finished.warnings)}),
        **({"code": dg.MetadataValue.md(code_of_it)} if code_of_it else {}),
        **_texts({"trigger": trigger.category, "cause": trigger.cause, "who": finished.run.who}),
        "duration": dg.MetadataValue.text(_duration(finished)),
    }


def _in_place(reason: str) -> str:
    """Return `reason` with its ends of lines, as long as Dagster shows it without a click."""
    wrapped = (part for line in reason.splitlines() for part in _WRAPPER.wrap(line))
    lines = [line for line in block("\n".join(wrapped)) if line]
    size = 0
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > _IN_PLACE:
            more = f"    … {len(lines) - number} more lines, under `message`"
            return "\n".join([*(lines[:number] or [line[:_IN_PLACE]]), more])
    return "\n".join(lines)


def _code(finished: FinishedRun) -> str:
    """Return the commit with a link, its branch, subject and author; empty where none was found."""
    source = finished.source
    if source is None:
        return ""
    url = commit_url(finished.run.environment.project.hosting, source.commit)
    commit = link(code(source.commit[:7]), url)
    told = f"{commit} of {code(source.branch)}" if source.branch else commit
    known = finished.facts.code if finished.facts is not None else None
    if known is None or not known.subject:
        return told
    return f"{told}: {code(known.subject)}{f' by {code(known.author)}' if known.author else ''}"


def _duration(finished: FinishedRun) -> str:
    took = duration_text((finished.ended_at - finished.started_at).total_seconds())
    waited = _waited(finished)
    return f"{took}, after {duration_text(waited)} in the queue" if waited else took


def _waited(finished: FinishedRun) -> float | None:
    if finished.created_at is None:
        return None
    return max(0.0, (finished.started_at - finished.created_at).total_seconds())


def _texts(found: Mapping[str, str]) -> Metadata:
    return {name: dg.MetadataValue.text(text) for name, text in found.items() if text}


def _what(finished: FinishedRun) -> Metadata:
    run, source = finished.run, finished.source
    versions = [step.dbt_version for step in finished.steps if step.dbt_version]
    texts = {
        "number": str(tags.run_number(run.id)),
        "message": why(finished),
        "failed_steps": finished.failed_boxes,
        "deactivated": finished.deactivated,
        "not_posted": "\n".join(finished.untold),
        "commit": source.commit if source else "",
        "branch": source.branch if source else "",
        "merged_with": source.merged_with if source else "",
        "job": run.job.name,
        "environment": run.environment.name,
        "target": run.job.target_name or run.environment.target or "",
        "schema_override": run.schema or "",
        "asked_for": run.overrides.told,
        "unpublished": finished.unpublished,
        "dbt_version": versions[-1] if versions else "",
    }
    return {
        **_texts(texts),
        **(_outage(source) if source is not None and source.used_repo_cache else {}),
    }


def _outage(source: Code) -> Metadata:
    """Return dbt Cloud's word for a run of an old clone, and why it was (JOB-13)."""
    return {
        "used_repo_cache": dg.MetadataValue.bool(True),
        "repo_cache": dg.MetadataValue.text(source.outage),
    }


def why(finished: FinishedRun) -> str:
    """Return the message of the step that ended the run; a check-box that failed did not."""
    if finished.outcome is Status.SUCCESS or finished.problem:
        return finished.problem
    ended = (
        step for step in reversed(finished.steps) if step.status in (Status.ERROR, Status.CANCELLED)
    )
    return next((step.message for step in ended if step.message), finished.reason)


def _where(finished: FinishedRun) -> Metadata:
    run = finished.run
    found: dict[str, dg.MetadataValue[Any]] = {}
    if run.upstream_run is not None:
        found["upstream_run"] = dg.MetadataValue.dagster_run(run.upstream_run)
    if run.resumes is not None:
        found["resumed_run"] = dg.MetadataValue.dagster_run(run.resumes)
    found["run"] = dg.MetadataValue.dagster_run(run.id)
    found["run_url"] = dg.MetadataValue.url(run.deployment.run_page(run.id))
    found["artifacts"] = dg.PathMetadataValue(str(run.artifacts.run(run.id)))
    if finished.docs is not None:
        found["docs"] = dg.PathMetadataValue(finished.docs)
        if run.deployment.docs_url:
            link = f"{run.deployment.docs_url}/docs/{run.environment.name}/"
            found["docs_url"] = dg.MetadataValue.url(link)
    return found


def _how_long(finished: FinishedRun) -> Metadata:
    seconds = {"run_seconds": (finished.ended_at - finished.started_at).total_seconds()}
    if (waited := _waited(finished)) is not None:
        seconds["queue_seconds"] = waited
    return {name: dg.MetadataValue.float(round(value, 3)) for name, value in seconds.items()}


def _counts(steps: Sequence[StepRecord]) -> Metadata:
    total: Counter[str] = Counter()
    for step in steps:
        if step.kind == "command":
            total.update(step.counts)
    return {
        f"nodes_{status.replace(' ', '_').replace('-', '_')}": dg.MetadataValue.int(count)
        for status, count in sorted(total.items())
    }


def steps_table(steps: Sequence[StepRecord]) -> str:
    """Return the steps with their status and duration as a Markdown table."""
    rows = [(str(step.index), step.status, _took(step), _cell(step.name)) for step in steps]
    return "\n".join(table(["#:", "Status", "Duration:", "Step"], rows)).strip()


def _timing(timing: Timing) -> Metadata:
    if not timing.wall_clock_seconds:
        return {}
    picture = data_uri(gantt_svg(timing, title="Model timing"))
    worked = (node for node in timing.nodes if node.worked)
    slowest = sorted(worked, key=lambda node: node.seconds, reverse=True)[:SLOWEST]
    rows = [
        (_unbroken(node.seconds), _unbroken(node.queue_seconds), code(node.name))
        for node in slowest
    ]
    numbers = {
        "critical_path_seconds": timing.critical_path_seconds,
        "critical_path_share": timing.critical_path_share,
        "average_active": timing.average_active,
        "longest_seconds": slowest[0].seconds if slowest else 0.0,
        "wall_clock_seconds": timing.wall_clock_seconds,
    }
    path = " → ".join(node.name for node in timing.critical_path)
    texts = {
        "critical_path": path,
        "longest": slowest[0].name if slowest else "",
        "latest_start": timing.latest_start.name if timing.latest_start else "",
    }
    small = thumbnail_uri(timing)
    return {
        **({"timeline": dg.MetadataValue.md(f"![Threads]({small})")} if small else {}),
        "model_timing": dg.MetadataValue.md(f"![Model timing]({picture})"),
        "slowest_nodes": dg.MetadataValue.md(
            "\n".join(table(["Duration:", "Queue:", "Node"], rows)).strip()
        ),
        "peak_concurrency": dg.MetadataValue.int(timing.peak_concurrency),
        **{name: dg.MetadataValue.text(text) for name, text in texts.items() if text},
        **({"peak_at": dg.MetadataValue.timestamp(timing.peak_at)} if timing.peak_at else {}),
        **{name: dg.MetadataValue.float(round(value, 3)) for name, value in numbers.items()},
    }


def _cell(text: str) -> str:
    """Return `text` so that it stays inside its table cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _took(step: StepRecord) -> str:
    return "" if step.status is Status.SKIPPED else _unbroken(step.seconds)


def _unbroken(seconds: float) -> str:
    """Return a duration that a narrow column doesn't break."""
    return duration_text(seconds).replace(" ", "\u00a0")
