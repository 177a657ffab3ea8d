"""The comment on a pull request, in Markdown, and the status of its commit; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from deploy_project.config.values.deployment import Job
from deploy_project.git.hosts.host import CommitStatus, State
from deploy_project.runs.model.status import Status
from deploy_project.runs.outcome.markdown import block, code, link, table
from deploy_project.runs.timing.model_timing import duration_text

_MOST = 50
"""So many rows each table has; the rest is counted."""
_WIDEST = 12
"""So many columns of a failed test's rows are shown."""
_SHORT = 8
"""So many letters of a run's id tell it from others, as in Dagster's UI."""
_MARKS: dict[State, str] = {"pending": "⏳", "success": "✅", "failure": "❌", "error": "⚠️"}
_WORDS: dict[State, str] = {
    "pending": "is running",
    "success": "succeeded",
    "failure": "failed",
    "error": "could not be carried out",
}


@dataclass(frozen=True)
class StepLine:
    """One step of the run."""

    name: str
    status: str
    """A `Status`, as text."""
    seconds: float = 0


@dataclass(frozen=True)
class NodeLine:
    """A model, seed or snapshot, or a test that found nothing to show."""

    name: str
    outcome: Literal["built", "failed", "skipped"]
    seconds: float = 0
    message: str = ""
    """The reason why it has failed."""


@dataclass(frozen=True)
class FailedTest:
    """A test that has failed."""

    name: str
    message: str = ""
    failures: int | None = None
    """The number of rows it has found."""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str | None]] = ()
    """The first of them, as text, one value for each of `columns`; empty when they aren't known."""


@dataclass(frozen=True)
class Report:
    """The content of the comment; no text in it has to be harmless but `lint` and `compare`."""

    job: str
    environment: str
    state: State
    commit: str
    commit_url: str = ""
    merged_with: str = ""
    """The base that was merged into it before it was built, such as `main at abc1234`."""
    run_url: str = ""
    reason: str = ""
    """The reason why the run did not succeed, or was not even started."""
    seconds: float | None = None
    steps: Sequence[StepLine] = ()
    nodes: Sequence[NodeLine] = ()
    tests: Sequence[FailedTest] = ()
    deferred: Sequence[str] = ()
    """The nodes that were not built here but read from where the other run has built them."""
    deferred_to: str = ""
    """The environment or job of that run."""
    deferred_run: str = ""
    """The id of that run, when it is known."""
    deferred_url: str = ""
    """The page of that run."""
    schema: str = ""
    lint: str = ""
    """A section of ready Markdown on linting."""
    compare: str = ""
    """A section of ready Markdown, with its heading; its text is escaped already."""

    @property
    def context(self) -> str:
        """The name of the status, such as `dbt/production/ci`; a required check names it."""
        return _context(self.environment, self.job)

    @property
    def marker(self) -> str:
        """The invisible marker that the comment of this job is found by."""
        return _marker(self.context)


def marker(job: Job) -> str:
    """Return the invisible marker that the comments of a job are found by."""
    return _marker(_context(job.environment.name, job.identifier))


def _context(environment: str, job: str) -> str:
    return f"dbt/{environment}/{job}"


def _marker(context: str) -> str:
    name = "".join(each if each.isalnum() or each in "_-/" else "_" for each in context)
    return f"<!-- deploy_project:{name} -->"


def status(report: Report) -> CommitStatus:
    """Return the status of the commit."""
    words = report.reason or ", ".join(_counts(report)) or _WORDS[report.state].capitalize()
    return CommitStatus(report.state, report.context, words, report.run_url)


def comment(report: Report) -> str:
    """Return the comment."""
    took = f" in {duration_text(report.seconds)}" if report.seconds is not None else ""
    title = f"{_MARKS[report.state]} {code(report.context)} {_WORDS[report.state]}{took}"
    lines = [
        f"### {title}",
        "",
        *_facts(report),
        *(block(report.reason) if report.reason else ()),
        *_steps(report.steps),
        *_nodes("Failed", [node for node in report.nodes if node.outcome == "failed"]),
        *(("", report.lint, "") if report.lint else ()),
        *_tests(report.tests),
        *_nodes("Built", [node for node in report.nodes if node.outcome == "built"]),
        *_nodes("Skipped", [node for node in report.nodes if node.outcome == "skipped"]),
        *_names("Deferred", report.deferred),
        *(("", report.compare) if report.compare else ()),
    ]
    return _without_double_blanks(lines)


def _facts(report: Report) -> list[str]:
    commit = link(code(report.commit[:12]), report.commit_url)
    merged = f" merged with {code(report.merged_with)}" if report.merged_with else ""
    facts = [f"Commit {commit}{merged}", link("the run", report.run_url) if report.run_url else ""]
    if report.schema:
        facts.append(f"schema {code(report.schema)}")
    if report.deferred_to:
        facts.append(f"deferred to {code(report.deferred_to)}{_run(report)}")
    return [" · ".join(filter(None, [*facts, *_counts(report)]))]


def _run(report: Report) -> str:
    """Return the run of the deferred state, to follow its environment; empty when it is unknown."""
    if not report.deferred_run:
        return ""
    return f", {link(f'run {code(report.deferred_run[:_SHORT])}', report.deferred_url)}"


def _counts(report: Report) -> list[str]:
    outcomes = [node.outcome for node in report.nodes]
    counts = [(outcomes.count(name), name) for name in ("built", "failed", "skipped")]
    tests = len(report.tests)
    failed = [(tests, f"test{'s' if tests > 1 else ''} failed")]
    return [f"{count} {name}" for count, name in (*counts, *failed) if count]


def _steps(steps: Sequence[StepLine]) -> list[str]:
    rows = [
        (code(step.name), code(step.status), "" if step.status == Status.SKIPPED else _took(step))
        for step in steps
    ]
    return table(("Step", "Status", "Duration:"), rows[:_MOST]) if rows else []


def _nodes(title: str, nodes: Sequence[NodeLine]) -> list[str]:
    """Return a table of nodes, without columns that are empty for all of them."""
    if not nodes:
        return []
    heads = ["Node"]
    columns = [[code(node.name) for node in nodes[:_MOST]]]
    if any(node.seconds for node in nodes):
        heads.append("Duration:")
        columns.append([_took(node) for node in nodes[:_MOST]])
    if any(node.message for node in nodes):
        heads.append("Message")
        columns.append([code(node.message) for node in nodes[:_MOST]])
    return _folded(title, len(nodes), table(heads, zip(*columns, strict=True)))


def _tests(tests: Sequence[FailedTest]) -> list[str]:
    lines: list[str] = []
    for test in tests[:_MOST]:
        found = f": {test.failures} rows" if test.failures is not None else ""
        lines += ["", f"**Failed test** {code(test.name)}{found}"]
        lines += block(test.message) if test.message else []
        if test.rows:
            lines += _rows(test)
    return [*lines, *_more(len(tests))]


def _rows(test: FailedTest) -> list[str]:
    heads = [code(column) or " " for column in test.columns[:_WIDEST]]
    if len(test.columns) > _WIDEST:
        heads.append(f"… {len(test.columns) - _WIDEST} more")
    return table(heads, [_values(row) for row in test.rows])


def _values(row: Sequence[str | None]) -> list[str]:
    shown = ["NULL" if value is None else code(value) for value in row[:_WIDEST]]
    return [*shown, "…"] if len(row) > _WIDEST else shown


def _names(title: str, names: Sequence[str]) -> list[str]:
    shown = [f"- {code(name)}" for name in names[:_MOST]]
    return _folded(title, len(names), ["", *shown]) if names else []


def _folded(title: str, count: int, lines: Iterable[str]) -> list[str]:
    """Return a section that a click unfolds; `title` is ours."""
    summary = f"<details><summary>{title}: {count}</summary>"
    return ["", summary, *lines, *_more(count), "", "</details>", ""]


def _more(count: int) -> list[str]:
    return ["", f"… and {count - _MOST} more", ""] if count > _MOST else []


def _took(what: StepLine | NodeLine) -> str:
    return duration_text(what.seconds)


def _without_double_blanks(lines: Iterable[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    return "\n".join(kept).strip() + "\n"
