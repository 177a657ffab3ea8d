"""The message on the end of a run, composed from its facts; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deploy_project.config.values.deployment import Job
from deploy_project.config.values.notifications import Condition
from deploy_project.notify.composing.parts import failure, limited, one_line, some_text, warnings
from deploy_project.notify.message import Fact, Item, Link, Message, Section
from deploy_project.notify.owners import Part
from deploy_project.notify.rules import Concluded, Outcome, Told
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.timing.model_timing import duration_text

_COMMITS = "Commits since the last success"
_WORDS: dict[Condition, str] = {
    "success": "succeeded",
    "warning": "succeeded with warnings",
    "failure": "failed",
    "cancelled": "was cancelled",
    "recovered": "succeeds again",
    "late": "is late",
}


@dataclass(frozen=True)
class Known:
    """Knowledge of a run beyond its facts."""

    job_title: str = ""
    """The name that people gave the job."""
    run_page: str = ""
    commit_page: str = ""
    median_seconds: float | None = None
    """Of the job's last successes."""
    commits: Sequence[tuple[str, str, str]] = ()
    """The commits since the last success: id, subject, author; the newest first."""


def outcome(facts: RunFacts) -> Outcome:
    """Return the outcome of a run: a success with warnings, or failed check-boxes, is a warning."""
    if facts.status is Status.CANCELLED:
        return "cancelled"
    if facts.status is not Status.SUCCESS:
        return "failure"
    return "warning" if facts.warnings or facts.failed_steps else "success"


def concluded(facts: RunFacts) -> Concluded:
    """Return the end of a run for the rules, with the names of all that was wrong."""
    failed = {each.unique_id or f"step {each.step}" for each in facts.failures}
    warned = {each.unique_id for each in facts.nodes if each.status == "warn"}
    warned |= {each.unique_id for each in facts.freshness if each.status in ("warn", "error")}
    kind = outcome(facts)
    wrong = failed if kind == "failure" else {*warned, *facts.failed_steps}
    return Concluded(kind, facts.finished_at, frozenset(wrong))


def message(facts: RunFacts, told: Told, known: Known) -> Message:
    """Return the message that tells the end of a run."""
    return Message(
        run_id=facts.run_id,
        number=facts.number,
        job=facts.job,
        environment=facts.environment,
        project=facts.project,
        pull_request=facts.pull_request,
        condition=told.condition,
        at=facts.finished_at,
        title=_title(facts, told),
        facts=tuple(_facts(facts, told, known)),
        sections=tuple(each for each in _sections(facts, known) if each.items),
        links=tuple(_links(known)),
    )


def late_message(
    job: Job,
    run: PastRun | None,
    now: datetime,
    *,
    median_seconds: float | None = None,
    scheduled_for: datetime | None = None,
    run_page: str = "",
) -> Message:
    """Return the message on a run in progress that is late, or on the late run of a schedule."""
    environment = job.environment
    if scheduled_for is not None:
        title = f"{job.name} is late: its run of {scheduled_for:%H:%M %Z} has not begun"
        waits = "no run was started" if run is None else f"run {run.id} waits in the queue"
        facts = [Fact("Scheduled for", f"{scheduled_for:%Y-%m-%d %H:%M %Z}"), Fact("Now", waits)]
    else:
        title = f"{job.name} is late: its run goes on, longer than usual"
        began = run.started_at if run is not None else None
        took = (now - (began or now)).total_seconds()
        facts = [Fact("Duration", _against(took, median_seconds))]
    return Message(
        run_id=run.id if run is not None else "",
        number=run.number if run is not None else 0,
        job=job.name,
        environment=environment.name,
        project=environment.project.name,
        pull_request=run.pull_request if run is not None else None,
        condition="late",
        at=now,
        title=title,
        facts=(Fact("Environment", f"{environment.name} of {environment.project.name}"), *facts),
        links=(Link("Run", run_page),) if run_page else (),
        part="late",
    )


def owner_message(part: Part, known: Known, *, goes_on: bool) -> Message:
    """Return the message to an owner on its part of a run, which has ended or `goes_on`."""
    facts = part.facts
    whole = message(facts, Told(part.result), known)
    without = {"Ended", "Retry", "Duration"} if goes_on else set[str]()
    why = "you are the owner of these in the dbt project, by a group or `meta.owner`"
    lists = (
        ("Failures", [failure(each, facts.rows) for each in facts.failures]),
        ("Warnings", list(warnings(facts))),
        ("Succeeded", [Item(one_line(each)) for each in _succeeded(facts)]),
    )
    return replace(
        whole,
        title=_owners_title(part, goes_on=goes_on),
        facts=(
            *(each for each in whole.facts if each.name not in without),
            Fact("Told to you", why),
        ),
        sections=(
            *(Section(title, tuple(limited(items))) for title, items in lists if items),
            *(each for each in whole.sections if each.title == _COMMITS),
        ),
    )


def _owners_title(part: Part, *, goes_on: bool) -> str:
    job, count = part.facts.job, part.count
    if goes_on:
        has = "one of your models or tests has" if count == 1 else f"{count} of yours have"
        return f"{job} goes on, and {has} failed"
    if part.result == "success":
        return f"{job}: your models and tests have succeeded"
    return f"{job}: {count} {part.result}{'' if count == 1 else 's'} in your models and tests"


def _succeeded(facts: RunFacts) -> list[str]:
    last = {each.unique_id: each.status for each in facts.nodes}
    return [unique_id for unique_id, status in last.items() if status in ("success", "pass")]


def _title(facts: RunFacts, told: Told) -> str:
    of = f" (pull request {facts.pull_request})" if facts.pull_request is not None else ""
    return f"{facts.job} {_WORDS[told.condition]}{of}"


def _facts(facts: RunFacts, told: Told, known: Known) -> Iterator[Fact]:
    if known.job_title and known.job_title != facts.job:
        yield Fact("Job", one_line(known.job_title))
    yield Fact("Environment", f"{facts.environment} of {facts.project}")
    yield Fact("Status", ": ".join(filter(None, [facts.status, _counts(facts)])))
    if told.condition == "recovered":
        yield Fact("Before", f"{told.in_a_row} failed run{'' if told.in_a_row == 1 else 's'}")
    elif told.in_a_row > 1:
        yield Fact("In a row", f"{told.in_a_row} runs have ended so")
    who = f", asked for by {one_line(facts.who)}" if facts.who else ""
    yield Fact("Trigger", f"{one_line(facts.cause) or facts.trigger}{who}")
    if facts.code is not None:
        code = facts.code
        by = f" ({one_line(code.author)})" if code.author else ""
        yield Fact("Commit", f"{code.commit[:7]} {one_line(code.subject)}".rstrip() + by)
        if code.branch:
            yield Fact("Branch", one_line(code.branch))
    yield Fact("Duration", _duration(facts, known))
    yield Fact("Ended", f"{facts.finished_at:%Y-%m-%d %H:%M:%S %Z}")
    if facts.status is not Status.SUCCESS:
        yield Fact("Retry", f"deploy-project retry {facts.run_id}")
    yield Fact("Logs", f"deploy-project logs {facts.run_id}")


def _counts(facts: RunFacts) -> str:
    last = {each.unique_id: each.status for each in facts.nodes}
    counts = Counter(last.values())
    found = [f"{count} {status}" for status, count in sorted(counts.items())]
    found += [f"{each} failed" for each in facts.failed_steps]
    return ", ".join(found)


def _duration(facts: RunFacts, known: Known) -> str:
    seconds = (facts.finished_at - facts.started_at).total_seconds()
    is_whole = facts.status is not Status.CANCELLED
    return _against(seconds, known.median_seconds if is_whole else None)


def _against(seconds: float, median: float | None) -> str:
    """Return a duration beside the usual one."""
    if not median:
        return duration_text(seconds)
    change = f"{seconds / median - 1:+.0%}".replace("%", " %")
    return f"{duration_text(seconds)} (median {duration_text(median)}, {change})"


def _sections(facts: RunFacts, known: Known) -> Iterator[Section]:
    if facts.status is not Status.SUCCESS:
        yield Section("Reason", tuple(_reasons(facts)))
    if facts.deactivated:
        yield Section("Deactivated", (Item(one_line(facts.deactivated)),))
    yield Section("Warnings", tuple(limited(list(warnings(facts)))))
    lines = [
        Item(f"{commit[:7]} {one_line(subject)} ({one_line(author)})")
        for commit, subject, author in known.commits
    ]
    yield Section(_COMMITS, tuple(limited(lines)))


def _reasons(facts: RunFacts) -> Iterator[Item]:
    if not facts.failures:
        first, _, rest = facts.reason.partition("\n")
        yield Item(one_line(first) or "It has told no reason.", some_text(rest))
        return
    yield from limited([failure(each, facts.rows) for each in facts.failures])


def _links(known: Known) -> Iterator[Link]:
    if known.run_page:
        yield Link("Run", known.run_page)
    if known.commit_page:
        yield Link("Commit", known.commit_page)
