"""The notifier: looks at runs that have ended, decides which messages are due, delivers them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from filelock import FileLock, Timeout

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError
from deploy_project.notify.composing import concluded
from deploy_project.notify.delivery import Deliverer
from deploy_project.notify.message import Message
from deploy_project.notify.outbox import Entry, Outbox
from deploy_project.notify.reading import ENDED, Reading, without_facts
from deploy_project.notify.rules import Told, matches, told
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.outcome.ends import Changed, Cursor, moved
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Between, Wanted

FIRST_LOOK = timedelta(hours=1)
"""The first look goes back so far, for runs that have ended before a daemon was there."""
WITHOUT_FACTS = timedelta(minutes=10)
"""After so long the end of a run is told without facts, which could not be kept."""
_PAGE = 1_000
_LOOK_SECONDS = 4.0


@dataclass(frozen=True)
class Notifier:
    """Tells the ends of the runs of one deployment."""

    deployment: Deployment
    state: StateDirectory
    runs: Runs

    @property
    def outbox(self) -> Outbox:
        """The messages that are due."""
        return Outbox.of(self.state)

    def tick(self, now: datetime) -> list[str]:
        """Look at ended runs, and deliver the messages due now; return a line for each attempt.

        Takes less than 30 seconds, whatever the channels do.
        """
        begun = time.monotonic()

        def clock() -> datetime:
            return now + timedelta(seconds=time.monotonic() - begun)

        self.outbox.prepare()
        try:
            with FileLock(self.outbox.lock, timeout=0):  # a person may call it, too
                self.look(now)
                self.outbox.forget(now)
        except Timeout:
            return ["Another process is looking at the ends of runs now"]
        return Deliverer(self.deployment.channels, self.outbox, now=clock).deliver()

    def look(self, now: datetime) -> None:
        """Put the messages on runs that have ended into the outbox, once each.

        A run that has no facts yet is waited for. Runs that there is no time for are the next
        tick's.
        """
        text = self.outbox.cursor()
        cursor = Cursor(now - FIRST_LOOK) if text is None else Cursor.read(text, now=now)
        ended = list(self._ended(cursor.since))
        fresh = [(run, at) for run, at in ended if run.id not in cursor.settled]
        reading = Reading(self.deployment, self.state, self.runs)
        reading.look_back([run for run, _ in fresh])
        deadline, settled = time.monotonic() + _LOOK_SECONDS, list[str]()
        for run, at in fresh:
            facts = reading.facts(run, is_late=at <= now - WITHOUT_FACTS)
            if facts is not None:
                for entry in self._due(reading, run, facts, now):
                    self.outbox.put(entry)
                settled.append(run.id)
            if time.monotonic() > deadline:
                break
        changed = [Changed(run.id, at, at) for run, at in ended]
        self.outbox.keep_cursor(moved(cursor, changed, settled, now=now))

    def _ended(self, since: datetime) -> Iterator[tuple[PastRun, datetime]]:
        """Yield the runs that have ended since then, and their ends, in this order."""
        wanted = Wanted(statuses=ENDED, finished=Between(since, None))
        offset, total = 0, 1
        while offset < total:
            page = self.runs.page(
                wanted, limit=_PAGE, offset=offset, order="finished", ascending=True
            )
            yield from ((each, each.ended_at) for each in page.runs if each.ended_at is not None)
            offset, total = offset + _PAGE, page.total

    def _due(
        self, reading: Reading, run: PastRun, facts: RunFacts, now: datetime
    ) -> Iterator[Entry]:
        """Yield an entry for each channel that is to be told, the first rule's where several do."""
        if facts.unpublished and facts.pull_request is None:
            return  # other code or steps tell nothing of the job; whoever asked for them looks
        about = reading.subject(facts)
        rules = [each for each in self.deployment.notifications if matches(each, about)]
        if not rules:
            return
        past, end = reading.history(run), concluded(facts)
        history = reading.concluded(past, needs_reason=end.outcome in ("failure", "warning"))
        seen = set[str]()
        for rule in rules:
            found = told(rule, end, history)
            channels = [] if found is None else [c for c in rule.channels if c not in seen]
            if found is not None and channels:
                message = reading.message(facts, found, past)
                seen.update(channels)
                yield from (Entry(each, message, now, now) for each in channels)

    def preview(self, run_id: str) -> Message:
        """Return the message on the end of a run, without regard to the rules.

        Raises `LaunchError` when there is no such run, `ArtifactError` for facts that can't be
        read, `ConfigError` for a run that has not ended.
        """
        run = self.runs.by_id(run_id)
        if not run.status.has_ended:
            raise ConfigError(f"run {run_id} has not ended ({run.status}); wait for its end")
        reading = Reading(self.deployment, self.state, self.runs)
        facts = self.runs.facts(run_id) or without_facts(run)
        return reading.message(facts, Told(concluded(facts).outcome), reading.history(run))
