"""The dispatcher: looks at runs, decides which events subscriptions get, delivers them."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from filelock import FileLock, Timeout

from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.webhooks import EventType
from deploy_project.errors import ArtifactError, ConfigError
from deploy_project.notify.reading import ended_since
from deploy_project.notify.webhooks.delivery import Deliverer
from deploy_project.notify.webhooks.events import ORDER, events_of, is_settled
from deploy_project.notify.webhooks.ledger import Due, Ledger, Memory
from deploy_project.notify.webhooks.payloads import RunFields, event_id, payload
from deploy_project.notify.webhooks.standing import Standing
from deploy_project.notify.webhooks.store import Store
from deploy_project.notify.webhooks.subscription import Subscription, of_file
from deploy_project.runs.model.run_facts import RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.ends import LONGEST, OVERLAP, Changed, Cursor, moved
from deploy_project.runs.reads.past_run import PastRun
from deploy_project.runs.reads.read_model import Runs
from deploy_project.runs.reads.wanted import Wanted

_RUNNING = frozenset({Status.RUNNING, Status.CANCELLING})
_PAGE = 1_000
_LOOK_SECONDS = 4.0
_DONE: EventType = "job.run.completed"


@dataclass(frozen=True)
class Dispatcher:
    """Tells subscriptions of the events of the runs of one deployment."""

    deployment: Deployment
    state: StateDirectory
    runs: Runs

    @property
    def ledger(self) -> Ledger:
        """The files of webhooks."""
        return Ledger.of(self.state)

    def subscriptions(self) -> dict[str, Subscription]:
        """Return all subscriptions by id, those of deploy.yaml first."""
        found = [*of_file(self.deployment), *Store.of(self.state).all()]
        return {each.id: each for each in found}

    def tick(self, now: datetime) -> list[str]:
        """Look at runs, and deliver the events due now; return a line for each attempt.

        Takes less than 30 seconds, whatever the receivers do.
        """
        begun = time.monotonic()
        try:
            known = self.subscriptions()
        except ConfigError as error:
            return [str(error)]
        if not known:
            return []
        said = list[str]()
        try:
            said += self.ledger.prepare()
            with FileLock(self.ledger.lock, timeout=0):
                said += self.ledger.mend(known, now=now)
                self.look(known, now)
                self.ledger.forget(now)
        except Timeout:
            return [*said, "Another process is looking at the events of runs now"]
        except OSError as error:  # what waits is delivered all the same
            said.append(f"The events of runs can't be looked at: {error}")

        def clock() -> datetime:
            return now + timedelta(seconds=time.monotonic() - begun)

        allowed = self.deployment.webhook_hosts
        return [*said, *Deliverer(known, self.ledger, clock, allowed=allowed).deliver()]

    def look(self, known: Mapping[str, Subscription], now: datetime) -> None:
        """Put the events of runs that subscriptions have asked for into the ledger, once each."""
        standings = {each: self.ledger.first_seen(each, now=now) for each in known}
        listening = [
            each for each in known.values() if each.active and standings[each.id].is_active
        ]
        memory = self._memory(standings.values(), now)
        is_again = memory.is_recovering or self.ledger.is_cut_short
        told = self.ledger.delivered() if is_again else set[str]()
        self.ledger.begin_look(memory)
        ended = list(ended_since(self.runs, memory.cursor.since))
        fresh = [run for run, _ in ended if run.id not in memory.cursor.settled]
        running = self.runs.page(Wanted(statuses=_RUNNING), limit=_PAGE).runs
        seen, settled = {key: list(each) for key, each in memory.seen.items()}, list[str]()
        deadline, is_recovering = time.monotonic() + _LOOK_SECONDS, False
        for run in [*fresh, *(each for each in running if each.is_ours)]:
            if time.monotonic() > deadline:
                is_recovering = is_again
                break
            new, due = self._dispatch(run, seen.get(run.id, ()), listening, standings, now)
            for event in due:
                if event.id not in told:
                    self.ledger.put(event)
            if new:
                seen.setdefault(run.id, []).extend(new)
            if is_settled(seen.get(run.id, ())):
                settled.append(run.id)
        cursor = moved(
            memory.cursor, [Changed(run.id, at, at) for run, at in ended], settled, now=now
        )
        kept = {run.id for run in [*fresh, *running]} - cursor.settled
        self.ledger.keep_memory(
            Memory(cursor, {key: each for key, each in seen.items() if key in kept}, is_recovering)
        )
        self.ledger.end_look()

    def _memory(self, standings: Collection[Standing], now: datetime) -> Memory:
        """Return the runs looked at; where that is lost, those since the first subscription."""
        memory = self.ledger.memory()
        if memory is None:
            since = min((each.since for each in standings), default=now)
            return Memory(Cursor(max(since, now - LONGEST)), is_recovering=since < now)
        if memory.cursor.since > now:  # of a clock that was ahead
            return replace(memory, cursor=replace(memory.cursor, since=now - OVERLAP))
        return memory

    def _dispatch(
        self,
        run: PastRun,
        seen: Sequence[EventType],
        listening: Sequence[Subscription],
        standings: Mapping[str, Standing],
        now: datetime,
    ) -> tuple[list[EventType], list[Due]]:
        """Return the new events of a run, and those due to subscriptions."""
        job_id = run.job_id or 0
        wanting: list[tuple[Subscription, EventType]] = [
            (each, event)
            for event in ORDER
            for each in listening
            if each.takes(event, job_id=job_id, project=run.project)
        ]
        facts = None
        if run.status.has_ended and any(event == _DONE for _, event in wanting):
            facts = self._facts(run)
            has_artifacts = facts is not None
        else:
            has_artifacts = True  # nobody has asked
        new: list[EventType] = [
            each for each in events_of(run, has_artifacts=has_artifacts) if each not in seen
        ]
        fields = run_fields(self.deployment, run, facts) if new and wanting else None
        due = [
            self._due(subscription, event, fields, now)
            for subscription, event in wanting
            if fields is not None
            and event in new
            and _moment(run, event, now) >= standings[subscription.id].since
        ]
        return new, due

    def _facts(self, run: PastRun) -> RunFacts | None:
        """Return the facts of a run; None while its artifacts can't be read."""
        try:
            return self.runs.facts(run.id)
        except ArtifactError:
            return None

    def _due(
        self, subscription: Subscription, event: EventType, fields: RunFields, now: datetime
    ) -> Due:
        account = self.deployment.account.id
        return Due(
            id=event_id(subscription, event, fields.run_id),
            subscription_id=subscription.id,
            type=event,
            order=ORDER.index(event),
            run_id=fields.run_id,
            job_id=fields.job_id,
            at=now,
            body=payload(subscription, event, fields, account_id=account, at=now),
            due_at=now,
        )


def _moment(run: PastRun, event: EventType, now: datetime) -> datetime:
    """Return the moment at which a run came to an event."""
    began = run.started_at or run.created_at
    return began if event == "job.run.started" else run.ended_at or now


def run_fields(deployment: Deployment, run: PastRun, facts: RunFacts | None) -> RunFields:
    """Return the fields of a run for payloads; those of a job that is gone are few."""
    job = deployment.jobs.get(run.job)
    environment = deployment.environments.get(run.environment)
    project = deployment.projects.get(run.project)
    wanted = (job.dbt_version if job else None) or (environment.dbt_version if environment else "")
    reason = facts.reason.partition("\n")[0] if facts is not None else ""
    return RunFields(
        run_id=run.id,
        number=run.number,
        job_id=run.job_id or 0,
        job_name=job.title if job is not None else run.job,
        environment_id=environment.id if environment is not None else 0,
        environment_name=run.environment,
        dbt_version=run.dbt_version or wanted or _installed(),
        project_name=run.project,
        project_id=project.id if project is not None else 0,
        status=run.status,
        message=reason[:200],
        reason=run.trigger.cause or run.trigger.category,
        started_at=run.started_at or run.created_at,
        ended_at=run.ended_at,
    )


@cache
def _installed() -> str:
    """Return the version of the dbt beside this package; empty without one."""
    try:
        return version("dbt-core")
    except PackageNotFoundError:
        return ""
