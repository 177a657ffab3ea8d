"""The run overview (RUN-2) as metadata of the run record, from the facts of the run; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import TextWrapper
from typing import Any

import dagster as dg

from deploy_project.git.hosting import commit_url
from deploy_project.runs.model.overrides import told
from deploy_project.runs.model.run import Run
from deploy_project.runs.model.run_facts import CodeFacts, RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.model.step import StepRecord
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
class Shown:
    """The places, links and pictures that the record of a run shows beside its facts."""

    run: Run
    timing: Timing
    docs: str | None = None
    """The place of the docs that it has published."""
    untold: Sequence[str] = ()
    """The errors of telling others of its end, such as the pull request."""


def overview(facts: RunFacts, shown: Shown) -> Metadata:
    """Return the run overview; numbers are numbers, so that Dagster plots them over time."""
    return {
        **_for_people(facts, shown),
        "steps": dg.MetadataValue.md(steps_table(facts.steps)),
        **_what(facts, shown),
        **_how_long(facts),
        **_timing(shown.timing),
        **_counts(facts.steps),
        **_where(facts, shown),
    }


def warnings(facts: RunFacts, untold: Sequence[str] = ()) -> list[str]:
    """Return the warnings of a run in words: `docs failed`, `2 tests with a warning`."""
    found = [f"{each} failed" for each in facts.failed_steps]
    for kind, what in (("command", "test"), ("freshness", "source")):
        count = sum(each.counts.get("warn", 0) for each in facts.steps if each.kind == kind)
        if count:
            found.append(f"{count} {what}{'' if count == 1 else 's'} with a warning")
    if facts.code is not None and facts.code.outage:
        found.append("an older commit, for the remote did not answer")
    return [*found, *(["others were not told"] if untold else [])]


def _for_people(facts: RunFacts, shown: Shown) -> Metadata:
    """Return the answers to the first questions, in their order."""
    code_of_it = _code(facts.code, shown.run) if facts.code is not None else ""
    return {
        "status": dg.MetadataValue.text(facts.status.value),
        **({"reason": dg.MetadataValue.md(_in_place(facts.reason))} if facts.reason else {}),
        **_texts({"warnings": ", ".join(warnings(facts, shown.untold))}),
        **({"code": dg.MetadataValue.md(code_of_it)} if code_of_it else {}),
        **_texts({"trigger": facts.trigger, "cause": facts.cause, "who": facts.who}),
        "duration": dg.MetadataValue.text(_duration(facts)),
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


def _code(found: CodeFacts, run: Run) -> str:
    """Return the commit with a link, its branch, subject and author."""
    url = commit_url(run.environment.project.hosting, found.commit)
    commit = link(code(found.commit[:7]), url)
    told = f"{commit} of {code(found.branch)}" if found.branch else commit
    if not found.subject:
        return told
    return f"{told}: {code(found.subject)}{f' by {code(found.author)}' if found.author else ''}"


def _duration(facts: RunFacts) -> str:
    took = duration_text((facts.finished_at - facts.started_at).total_seconds())
    waited = _waited(facts)
    return f"{took}, after {duration_text(waited)} in the queue" if waited else took


def _waited(facts: RunFacts) -> float | None:
    if facts.created_at is None:
        return None
    return max(0.0, (facts.started_at - facts.created_at).total_seconds())


def _texts(found: Mapping[str, str]) -> Metadata:
    return {name: dg.MetadataValue.text(text) for name, text in found.items() if text}


def _what(facts: RunFacts, shown: Shown) -> Metadata:
    found = facts.code
    texts = {
        "number": str(facts.number),
        "message": facts.reason,
        "failed_steps": ", ".join(facts.failed_steps),
        "deactivated": facts.deactivated,
        "not_posted": "\n".join(shown.untold),
        "commit": found.commit if found else "",
        "branch": found.branch if found else "",
        "merged_with": found.merged_with if found else "",
        "job": facts.job,
        "environment": facts.environment,
        "target": facts.target,
        "schema_override": facts.schema,
        "asked_for": told(facts.overrides),
        "unpublished": facts.unpublished,
        "dbt_version": facts.dbt_version,
    }
    return {**_texts(texts), **(_outage(found) if found is not None and found.outage else {})}


def _outage(found: CodeFacts) -> Metadata:
    """Return dbt Cloud's word for a run of an old clone, and why it was (JOB-13)."""
    return {
        "used_repo_cache": dg.MetadataValue.bool(True),
        "repo_cache": dg.MetadataValue.text(found.outage),
    }


def _where(facts: RunFacts, shown: Shown) -> Metadata:
    run, found = shown.run, dict[str, dg.MetadataValue[Any]]()
    if facts.upstream_run:
        found["upstream_run"] = dg.MetadataValue.dagster_run(facts.upstream_run)
    if facts.resumed_run:
        found["resumed_run"] = dg.MetadataValue.dagster_run(facts.resumed_run)
    found["run"] = dg.MetadataValue.dagster_run(facts.run_id)
    found["run_url"] = dg.MetadataValue.url(run.deployment.run_page(facts.run_id))
    found["artifacts"] = dg.PathMetadataValue(str(run.artifacts.run(facts.run_id)))
    if shown.docs is not None:
        found["docs"] = dg.PathMetadataValue(shown.docs)
        if run.deployment.docs_url:
            link = f"{run.deployment.docs_url}/docs/{facts.environment}/"
            found["docs_url"] = dg.MetadataValue.url(link)
    return found


def _how_long(facts: RunFacts) -> Metadata:
    seconds = {"run_seconds": (facts.finished_at - facts.started_at).total_seconds()}
    if (waited := _waited(facts)) is not None:
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
