"""The result of SQLFluff: as `lint.json`, as lines of a log, as a section of a comment."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from deploy_project.dbt.artifacts.results import Readable
from deploy_project.errors import LintError
from deploy_project.runs.outcome.markdown import code, table

_MOST = 50


class Violation(BaseModel):
    """One place where a file breaks a rule, or could not be parsed or rendered."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    column: int
    code: str
    """Such as `LT01`; `PRS`, `TMP` and `LXR` stand for text that is no SQL."""
    rule: str = ""
    message: str
    warning: bool = False
    """Whether the repository's configuration makes it a warning."""


class Lint(BaseModel):
    """The result of one run of SQLFluff."""

    model_config = ConfigDict(frozen=True)

    sqlfluff: str = ""
    """Its version; empty when there was nothing to lint."""
    linted: Sequence[str] = ()
    skipped: Sequence[str] = ()
    """Files that SQLFluff can't lint, such as macros with the templater `dbt`; `notes` say why."""
    ignored: Sequence[str] = ()
    """Files that the repository's `.sqlfluffignore` leaves out."""
    violations: Sequence[Violation] = ()
    notes: Sequence[str] = ()
    """The warnings of SQLFluff: files that it skips, and why."""
    failed: int = 0
    """The number of files it has tried and failed to lint."""

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers of files, violations and warnings."""
        warnings = sum(each.warning for each in self.violations)
        return {
            "files linted": len(self.linted),
            "files skipped": len(self.skipped),
            "files ignored": len(self.ignored),
            "violations": len(self.violations) - warnings,
            "warnings": warnings,
        }

    @property
    def is_clean(self) -> bool:
        """Whether there is no violation, and no file has failed."""
        return not self.failed and self.counts["violations"] == 0


_LINT = TypeAdapter(Lint)


def read(file: Readable) -> Lint:
    """Return the result in `file`; raise `LintError` when it is no result of linting."""
    try:
        return _LINT.validate_json(file.read_bytes())
    except (ValidationError, OSError) as error:
        raise LintError(f"{file} is not a whole result of SQLFluff: {error}") from error


def summary(found: Lint) -> str:
    """Return the result in one sentence."""
    violations = _counted(found.counts["violations"], "violation")
    parts = [f"SQLFluff found {violations} in {_counted(len(found.linted), 'file')}"]
    if found.counts["warnings"]:
        parts.append(_counted(found.counts["warnings"], "warning"))
    for how, files in (("skipped", found.skipped), ("ignored", found.ignored)):
        if files:
            parts.append(f"{_counted(len(files), 'file')} {how}")
    if found.failed:
        parts.append(f"{_counted(found.failed, 'file')} could not be linted")
    return ", ".join(parts)


def lines(found: Lint, *, most: int) -> Iterator[str]:
    """Yield a line for each violation, `most` of them, then notes; unprintable text is escaped."""
    for each in found.violations[:most]:
        rule = f"{each.code} {each.rule}".strip()
        how = " (warning)" if each.warning else ""
        yield _line(f"{each.file}:{each.line}:{each.column} {rule}{how}: {each.message}")
    if len(found.violations) > most:
        yield f"… and {len(found.violations) - most} more, in the artifact lint.json"
    told = [line for note in found.notes for line in note.splitlines()]
    yield from map(_line, told[:most])


def section(found: Lint) -> str:
    """Return a section of a comment, in Markdown; empty when nothing was linted."""
    if not found.sqlfluff:
        return ""
    rows = [
        (code(f"{each.file}:{each.line}"), code(each.code), code(each.message))
        for each in found.violations[:_MOST]
    ]
    more = len(found.violations) - _MOST
    shown = [
        f"**SQL lint**: {summary(found)}",
        *(table(("Place", "Rule", "Message"), rows) if rows else ()),
        *([f"… and {more} more", ""] if more > 0 else ()),
        *([f"- {code(each)}" for each in found.notes[:_MOST]]),
    ]
    return "\n".join(shown)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _line(text: str) -> str:
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
