"""The messages on late runs: too long in progress, or not begun by their schedule."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import AwareDatetime, TypeAdapter

from deploy_project.config.values.deployment import Job
from deploy_project.config.values.notifications import Rule
from deploy_project.notify.composing.messages import late_message
from deploy_project.notify.message import Message
from deploy_project.notify.outbox import Entry
from deploy_project.notify.reading import Reading
from deploy_project.notify.rules import Subject, matches, subject
from deploy_project.runs.instance import schedules
from deploy_project.runs.instance.deactivation import held_back
from deploy_project.runs.model.status import Status
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.wanted import Between, Wanted

_LEAST = timedelta(minutes=1)
"""A run is late by so much at least: twice two seconds are no news."""
_OLDEST = timedelta(days=1)
"""A time of a schedule that is longer ago was told, or missed while nobody looked."""


@dataclass(frozen=True)
class Memory:
    """The late runs and schedules that were told, and the schedules that are looked at."""

    told: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The channels that were told, by run or schedule, while it is late."""
    since: dict[str, AwareDatetime] = field(default_factory=dict[str, AwareDatetime])
    """The times since when schedules are looked at, by job: one that is new has missed nothing."""


MEMORY = TypeAdapter(Memory)
"""Its JSON form."""


def is_late(rule: Rule, run: PastRun, median: float | None, now: datetime) -> bool:
    """Whether a run in progress takes longer than `rule` bears; pure."""
    times, began = rule.late.times, run.started_at
    if times is None or median is None or began is None:
        return False
    return (now - began) > max(
        timedelta(seconds=median * times), timedelta(seconds=median) + _LEAST
    )


def has_not_begun(rule: Rule, time: datetime, runs: list[PastRun], now: datetime) -> bool:
    """Whether no run of a schedule has begun, so long after its `time` as `rule` bears; pure.

    `runs` are those of its job since then.
    """
    minutes = rule.late.minutes
    if minutes is None or now - time < timedelta(minutes=minutes):
        return False
    return not any(each.started_at is not None for each in runs)


def look(reading: Reading, before: Memory, now: datetime) -> tuple[list[Entry], Memory]:
    """Return the messages on late runs that were not told, and the memory after them."""
    rules = [each for each in reading.deployment.notifications if "late" in each.on]
    if not rules:
        return [], Memory()
    since = {name: before.since.get(name, now) for name in reading.deployment.jobs}
    after, entries = Memory(since=since), list[Entry]()
    found = [*_runs(reading, rules, now), *_schedules(reading, rules, since, now)]
    for key, rule, message in found:
        told = after.told.setdefault(key, list(before.told.get(key, ())))
        for channel in rule.channels:
            if channel not in told:
                told.append(channel)
                entries.append(Entry(channel, message, now, now))
    return entries, after


def _runs(
    reading: Reading, rules: list[Rule], now: datetime
) -> Iterator[tuple[str, Rule, Message]]:
    rules = [each for each in rules if each.late.times is not None]
    if not rules:
        return
    running = reading.runs.page(Wanted(statuses={Status.RUNNING}), limit=1_000).runs
    medians = reading.runs.median_seconds({each.job for each in running}) if running else {}
    for run in running:
        job, median = reading.deployment.jobs.get(run.job), medians.get(run.job)
        if job is None:
            continue
        about = subject(job, of_pull_request=run.pull_request is not None)
        for rule in rules:
            if matches(rule, about) and is_late(rule, run, median, now):
                page = reading.deployment.run_page(run.id)
                message = late_message(job, run, now, median_seconds=median, run_page=page)
                yield f"run {run.id}", rule, message


def _schedules(
    reading: Reading, rules: list[Rule], since: dict[str, datetime], now: datetime
) -> Iterator[tuple[str, Rule, Message]]:
    rules = [each for each in rules if each.late.minutes is not None]
    switched = schedules.switched(reading.runs.instance) if rules else {}
    for job in reading.deployment.jobs.values() if rules else ():
        wanted = [each for each in rules if matches(each, _about(job))]
        is_on = switched.get(schedules.schedule_name(job), job.scheduled)
        if not wanted or not job.cron or not is_on:
            continue
        for rule in wanted:
            message = _not_begun(reading, rule, job, since[job.name], now)
            if message is not None:
                yield f"schedule {job.name}", rule, message


def _not_begun(
    reading: Reading, rule: Rule, job: Job, since: datetime, now: datetime
) -> Message | None:
    time = schedules.last_time(job, now - timedelta(minutes=rule.late.minutes or 0))
    if time is None or time < since or now - time > _OLDEST:
        return None
    wanted = Wanted(jobs={job.name}, created=Between(time, None))
    runs = list(reading.runs.page(wanted, limit=100).runs)
    if not has_not_begun(rule, time, runs, now):
        return None
    waiting = next((each for each in runs if not each.status.has_ended), None)
    if waiting is None and held_back(reading.runs.instance, job) is not None:
        return None  # nothing starts it, which was told with its last run
    page = reading.deployment.run_page(waiting.id) if waiting is not None else ""
    made = late_message(job, waiting, now, scheduled_for=time, run_page=page)
    return replace(made, part=f"late-{job.name}-{time:%Y%m%d%H%M}")


def _about(job: Job) -> Subject:
    return subject(job, of_pull_request=False)
