"""The message on the end of a run, composed from its facts; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from deploy_project.config.values.notifications import Condition
from deploy_project.notify.message import Fact, Item, Link, Message, Section
from deploy_project.notify.rules import Concluded, Outcome, Told
from deploy_project.runs.model.run_facts import FailureFacts, RunFacts
from deploy_project.runs.model.status import Status
from deploy_project.runs.timing.model_timing import duration_text

_MOST = 10
"""So many failures, warnings and commits are listed; the rest is counted."""
_SKIPPED = 5
_LONGEST = 1_500
_LINE = 200
_WORDS: dict[Condition, str] = {
    "success": "succeeded",
    "warning": "succeeded with warnings",
    "failure": "failed",
    "cancelled": "was cancelled",
    "recovered": "succeeds again",
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


def _title(facts: RunFacts, told: Told) -> str:
    of = f" (pull request {facts.pull_request})" if facts.pull_request is not None else ""
    return f"{facts.job} {_WORDS[told.condition]}{of}"


def _facts(facts: RunFacts, told: Told, known: Known) -> Iterator[Fact]:
    if known.job_title and known.job_title != facts.job:
        yield Fact("Job", _line(known.job_title))
    yield Fact("Environment", f"{facts.environment} of {facts.project}")
    yield Fact("Status", ": ".join(filter(None, [facts.status, _counts(facts)])))
    if told.condition == "recovered":
        yield Fact("Before", f"{told.in_a_row} failed run{'' if told.in_a_row == 1 else 's'}")
    elif told.in_a_row > 1:
        yield Fact("In a row", f"{told.in_a_row} runs have ended so")
    who = f", asked for by {_line(facts.who)}" if facts.who else ""
    yield Fact("Trigger", f"{_line(facts.cause) or facts.trigger}{who}")
    if facts.code is not None:
        code = facts.code
        by = f" ({_line(code.author)})" if code.author else ""
        yield Fact("Commit", f"{code.commit[:7]} {_line(code.subject)}".rstrip() + by)
        if code.branch:
            yield Fact("Branch", _line(code.branch))
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
    median = known.median_seconds
    if not median:
        return duration_text(seconds)
    change = f"{seconds / median - 1:+.0%}".replace("%", " %")
    return f"{duration_text(seconds)} (median {duration_text(median)}, {change})"


def _sections(facts: RunFacts, known: Known) -> Iterator[Section]:
    if facts.status is not Status.SUCCESS:
        yield Section("Reason", tuple(_reasons(facts)))
    if facts.deactivated:
        yield Section("Deactivated", (Item(_line(facts.deactivated)),))
    yield Section("Warnings", tuple(_limited(list(_warnings(facts)))))
    lines = [
        Item(f"{commit[:7]} {_line(subject)} ({_line(author)})")
        for commit, subject, author in known.commits
    ]
    yield Section("Commits since the last success", tuple(_limited(lines)))


def _reasons(facts: RunFacts) -> Iterator[Item]:
    if not facts.failures:
        first, _, rest = facts.reason.partition("\n")
        yield Item(_line(first) or "It has told no reason.", _text(rest))
        return
    yield from _limited([_failure(each) for each in facts.failures])


def _failure(each: FailureFacts) -> Item:
    place = f"{each.file}:{each.line}" if each.file and each.line else each.file
    heading = " - ".join(filter(None, [each.unique_id or f"Step {each.step}", place]))
    names = [unique_id.rpartition(".")[2] for unique_id in each.skipped[:_SKIPPED]]
    more = len(each.skipped) - len(names)
    names += [f"{more} more"] if more > 0 else []
    note = f"Skipped for it: {', '.join(names)}" if names else ""
    return Item(_line(heading), _text(each.message), _line(note))


def _warnings(facts: RunFacts) -> Iterator[Item]:
    last = {each.unique_id: each for each in facts.nodes}
    for node in last.values():
        if node.status == "warn":
            yield Item(_line(node.unique_id), _text(node.message))
    for source in facts.freshness:
        if source.status not in ("pass", ""):
            stale = (
                f"last loaded at {source.max_loaded_at:%Y-%m-%d %H:%M %Z}"
                if (source.max_loaded_at)
                else _line(source.message)
            )
            yield Item(_line(f"{source.unique_id}: freshness {source.status}, {stale}"))
    for each in facts.failed_steps:
        yield Item(_line(f"{each} has failed, without failing the run"))


def _limited(items: list[Item]) -> list[Item]:
    more = len(items) - _MOST
    return [*items[:_MOST], *([Item(f"… and {more} more")] if more > 0 else [])]


def _links(known: Known) -> Iterator[Link]:
    if known.run_page:
        yield Link("Run", known.run_page)
    if known.commit_page:
        yield Link("Commit", known.commit_page)


def _line(text: str) -> str:
    """Return the beginning of `text` on one line, without characters that turn it around."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shown if len(shown) <= _LINE else f"{shown[: _LINE - 1]}…"


def _text(text: str) -> str:
    """Return the beginning of `text` without control characters, save ends of lines."""
    shown = "".join(each if each.isprintable() or each == "\n" else " " for each in text).strip(
        "\n"
    )
    return shown.rstrip() if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
