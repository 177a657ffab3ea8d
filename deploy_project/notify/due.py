"""The messages that are due on runs, by the rules of the deployment."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache

from deploy_project.notify.composing.messages import concluded
from deploy_project.notify.message import Message
from deploy_project.notify.outbox import Entry
from deploy_project.notify.owners import has_new_failures, is_news, parts
from deploy_project.notify.reading import Reading, without_facts
from deploy_project.notify.rules import Told, matches, told
from deploy_project.runs.model.run_facts import FailureFacts, RunFacts
from deploy_project.runs.reads.past_run import PastRun


def on_end(reading: Reading, run: PastRun, facts: RunFacts, now: datetime) -> Iterator[Entry]:
    """Yield an entry for each channel and each owner that is told the end of a run."""
    if facts.unpublished and facts.pull_request is None:
        return  # other code or steps tell nothing of the job; whoever asked for them looks
    yield from _to_channels(reading, run, facts, now)
    yield from _to_owners(reading, run, facts, now, goes_on=False)


def _to_channels(reading: Reading, run: PastRun, facts: RunFacts, now: datetime) -> Iterator[Entry]:
    """Yield an entry for each channel that is to be told, the first rule's where several do."""
    about = reading.subject(facts)
    rules = [each for each in reading.deployment.notifications if matches(each, about)]
    if not rules:
        return
    past, end = reading.history(run), concluded(facts)
    history = reading.concluded(past, needs_reason=end.outcome in ("failure", "warning"))
    seen = set[str]()

    @cache
    def message(of: Told) -> Message:  # git is asked for each, and a thousand rules may tell one
        return reading.message(facts, of, past)

    for rule in rules:
        found = told(rule, end, history)
        channels = [] if found is None else [c for c in rule.channels if c not in seen]
        if found is not None and channels:
            seen.update(channels)
            yield from (Entry(each, message(found), now, now) for each in channels)


def early(
    reading: Reading,
    run: PastRun,
    failures: Sequence[FailureFacts],
    now: datetime,
    *,
    told_already: Collection[str],
) -> Iterator[Entry]:
    """Yield an entry for each owner of nodes that have failed in a run that goes on.

    Owners who were `told_already` hear again at its end.
    """
    facts = replace(without_facts(run), reason="", failures=tuple(failures), finished_at=now)
    yield from _to_owners(reading, run, facts, now, told_already, goes_on=True)


def _to_owners(
    reading: Reading,
    run: PastRun,
    facts: RunFacts,
    now: datetime,
    seen: Collection[str] = (),
    *,
    goes_on: bool,
) -> Iterator[Entry]:
    """Yield an entry for each owner of nodes that a run has results of."""
    about, done = reading.subject(facts), set(seen)
    rules = [each for each in reading.deployment.model_notifications if matches(each, about)]
    if not rules or facts.is_strangers:
        return
    owners, past = reading.owners(facts.environment), reading.history(run)
    before = reading.last(past)
    for rule in rules:
        earlier = {} if before is None else parts(before, rule, owners)
        for address, part in parts(facts, rule, owners).items():
            last = earlier.get(address)
            at = before.finished_at if before is not None else now
            is_due = (
                has_new_failures(rule, part, last) if goes_on else is_news(rule, part, last, at=at)
            )
            if address not in done and is_due:
                done.add(address)
                message = reading.owner_message(part, past, goes_on=goes_on)
                name = f"{'first' if goes_on else 'owner'}-{_digest(address)}"
                yield Entry(rule.channel, replace(message, part=name), now, now, to=(address,))


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:16]
