"""The notifier: looks at runs that have ended, decides which messages are due, delivers them."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.errors import ConfigError, DeployError, LaunchError
from deploy_project.notify import late
from deploy_project.notify.composing.messages import concluded
from deploy_project.notify.delivery import Deliverer
from deploy_project.notify.due import early, on_end
from deploy_project.notify.message import Message
from deploy_project.notify.outbox import Entry, Outbox
from deploy_project.notify.over_api.notification import with_notifications
from deploy_project.notify.over_api.store import Store
from deploy_project.notify.reading import Reading, ended_since, without_facts
from deploy_project.notify.rules import Told
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.ends import LONGEST, Changed, Cursor, moved
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted
from deploy_project.runs.steps.failing import failures_so_far

FIRST_LOOK = timedelta(hours=1)
"""The first look goes back so far, for runs that have ended before a daemon was there."""
WITHOUT_FACTS = timedelta(minutes=10)
"""After so long the end of a run is told without facts, which could not be kept."""
_PAGE = 1_000
_LOOK_SECONDS = 4.0
_OWED, _OWED_NAME = TypeAdapter(list[str]), "owed-to-api"
"""The runs that ended while the notifications of the API could not be read."""
Names = Collection[tuple[str, str]]
"""The channels and names of entries."""
_EARLY = TypeAdapter(dict[str, list[str]])
"""The owners that were told of failures, by run, while it goes on."""


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

        Takes less than 30 seconds, whatever the channels do. The notifications of the API count,
        too; a line tells of those that can't be sent. While their file can't be read they are owed
        the ends of runs.
        """
        try:
            kept = Store(self.state).all()
        except ConfigError as error:
            return [str(error), *self._tick(now, None)]
        wanted, faults = with_notifications(self.deployment, kept)
        own = wanted.notifications[len(self.deployment.notifications) :]
        of_api = replace(wanted, notifications=own, model_notifications=())
        return [*faults, *replace(self, deployment=wanted)._tick(now, of_api)]

    def _tick(self, now: datetime, of_api: Deployment | None) -> list[str]:
        """Look and deliver; `of_api` has the rules of the API alone, None for unknown ones."""
        begun = time.monotonic()

        def clock() -> datetime:
            return now + timedelta(seconds=time.monotonic() - begun)

        said = list[str]()
        try:
            said += self.outbox.prepare()
            with FileLock(self.outbox.lock, timeout=0):  # a person may call it, too
                said += self._look(now, of_api)
        except Timeout:
            return [*said, "Another process is looking at the ends of runs now"]
        except OSError as error:  # what waits is delivered all the same
            said.append(f"The ends of runs can't be looked at: {error}")
        deliverer = Deliverer(
            self.deployment.channels,
            self.outbox,
            now=clock,
            made_anew=lambda channel, name: self._made_anew(channel, name, now),
        )
        return [*said, *deliverer.deliver()]

    def _made_anew(self, channel: str, name: str, now: datetime) -> Entry | None:
        """Return the entry of that name on the end of a run; None for others, or without it."""
        reading = Reading(self.deployment, self.state, self.runs)
        try:
            run = self.runs.by_id(name.partition(".")[0])
            facts = reading.facts(run, is_late=True) if run.status.has_ended else None
        except DeployError:
            return None
        found = () if facts is None else on_end(reading, run, facts, now)
        return next((e for e in found if (e.channel, e.name) == (channel, name)), None)

    def _look(self, now: datetime, of_api: Deployment | None) -> list[str]:
        """Put the messages that are due into the outbox; return a line on each damaged file.

        After a damage, without a cursor or when the last look was cut short, nothing is told that
        the log has.
        """
        outbox = self.outbox
        said = outbox.mend({"told-early": _EARLY, "late": late.MEMORY, _OWED_NAME: _OWED})
        is_lost = bool(said) or (outbox.cursor() is None and outbox.has_told())
        told = outbox.told() if is_lost or outbox.is_cut_short else set[tuple[str, str]]()
        outbox.begin_look()
        is_done = self.look(now, told, is_first=not is_lost, are_owed=of_api is None)
        if of_api is not None:
            self.make_up(of_api, now, told)
        self.look_at_running(now, told)
        self.look_at_late(now, told)
        if is_done:
            outbox.end_look()
        outbox.forget(now)
        return said

    def look(self, now: datetime, told: Names, *, is_first: bool, are_owed: bool) -> bool:
        """Put the messages on runs that have ended into the outbox, once each.

        A run that has no facts yet is waited for. Runs that there is no time for are the next
        tick's. The notifications of the API `are_owed` those that it has settled. Without a
        cursor it `is_first`, or looks back for long. Returns whether there was time for all.
        """
        text = self.outbox.cursor()
        if text is None and is_first:
            cursor = Cursor(now - FIRST_LOOK)
        else:
            cursor = Cursor.read(text, now=now)
        ended = list(ended_since(self.runs, cursor.since))
        fresh = [(run, at) for run, at in ended if run.id not in cursor.settled]
        reading = Reading(self.deployment, self.state, self.runs)
        reading.look_back([run for run, _ in fresh])
        deadline, settled, looked_at = time.monotonic() + _LOOK_SECONDS, list[str](), 0
        for run, at in fresh:
            facts = reading.facts(run, is_late=at <= now - WITHOUT_FACTS)
            if facts is not None:
                self._put(on_end(reading, run, facts, now), told)
                settled.append(run.id)
            looked_at += 1
            if time.monotonic() > deadline:
                break
        if are_owed and settled:
            owed = self.outbox.remembered(_OWED_NAME, _OWED) or []
            self.outbox.remember(_OWED_NAME, _OWED, [*owed, *settled])
        changed = [Changed(run.id, at, at) for run, at in ended]
        self.outbox.keep_cursor(moved(cursor, changed, settled, now=now))
        return looked_at == len(fresh)

    def _put(self, entries: Iterable[Entry], told: Names) -> None:
        for entry in entries:
            if (entry.channel, entry.name) not in told:
                self.outbox.put(entry)

    def make_up(self, of_api: Deployment, now: datetime, told: Names) -> None:
        """Put the messages that the notifications of the API are owed into the outbox."""
        owed = self.outbox.remembered(_OWED_NAME, _OWED)
        if not owed:
            return
        reading = Reading(of_api, self.state, self.runs)
        for run_id in owed:
            try:
                run = self.runs.by_id(run_id)
            except LaunchError:
                continue  # deleted since then
            facts = reading.facts(run, is_late=True)
            if facts is not None and (run.ended_at or now) > now - LONGEST:
                self._put(on_end(reading, run, facts, now), told)
        self.outbox.remember(_OWED_NAME, _OWED, [])

    def look_at_running(self, now: datetime, already: Names) -> None:
        """Put the messages to owners of nodes that have failed in runs that go on into the outbox.

        Each owner is told once while a run goes on.
        """
        if not self.deployment.model_notifications or self.runs.artifacts is None:
            return
        told = self.outbox.remembered("told-early", _EARLY) or {}
        running = self.runs.page(Wanted(statuses={Status.RUNNING}), limit=_PAGE).runs
        reading = Reading(self.deployment, self.state, self.runs)
        now_told: dict[str, list[str]] = {}
        for run in running:
            if run.is_ours and run.pull_request is None:
                done = now_told[run.id] = list(told.get(run.id, ()))
                failures = failures_so_far(self.runs.artifacts, run.id)
                found = list(early(reading, run, failures, now, told_already=done))
                self._put(found, already)
                done.extend(address for entry in found for address in entry.to)
        if now_told != told:
            self.outbox.remember("told-early", _EARLY, now_told)

    def look_at_late(self, now: datetime, told: Names) -> None:
        """Put the messages on late runs into the outbox, once for each."""
        before = self.outbox.remembered("late", late.MEMORY) or late.Memory()
        reading = Reading(self.deployment, self.state, self.runs)
        entries, after = late.look(reading, before, now)
        self._put(entries, told)
        if after != before:
            self.outbox.remember("late", late.MEMORY, after)

    def preview(self, run_id: str) -> Message:
        """Return the message on the end of a run, without regard to the rules.

        Raises `LaunchError` when there is no such run, `ArtifactError` for facts that can't be
        read, `ConfigError` for a run that has not ended.
        """
        run = self.runs.by_id(run_id)
        if not run.status.has_ended:
            raise ConfigError(f"run {run_id} has not ended ({run.status}); wait for its end")
        reading = Reading(self.deployment, self.state, self.runs)
        facts = reading.shown(self.runs.facts(run_id)) or without_facts(run)
        return reading.message(facts, Told(concluded(facts).outcome), reading.history(run))
