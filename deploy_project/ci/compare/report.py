"""The report on a pull request's changes in the data: Markdown, and lines of text; pure (CI-17).

Names and values are others' text: in Markdown they are code.
"""

from collections.abc import Callable, Iterable, Sequence

from deploy_project.ci.compare.comparison import CompareDocument, Comparison, Samples
from deploy_project.ci.compare.relations import in_order
from deploy_project.dbt.relations.stand_in import Value
from deploy_project.runs.outcome.markdown import block, code, table

LONGEST = 30_000
"""Characters of the whole section: the comment has other parts, and a site takes 65,536."""
_MODELS = 50
_COLUMNS = 10
_ROWS = 5
_VALUE = 40
_BAR = 10
_WORDS = {
    "new": "new",
    "removed": "removed",
    "not_built": "not built",
    "not_compared": "not compared",
    "failed": "could not be compared",
}


def section(document: CompareDocument) -> str:
    """Return the section of the comment: the overview, and details as long as there is room."""
    lines = ["#### Changes in the data", "", *overview(document)]
    left = LONGEST - _length(lines)
    skipped = 0
    for each in in_order(document.comparisons):
        details = _details(each)
        if _length(details) > left:
            skipped += 1
            continue
        lines += details
        left -= _length(details)
    if skipped:
        lines += ["", f"_The details of {skipped} more are in the run, in `compare.json`._", ""]
    return "\n".join(lines).strip()


def overview(document: CompareDocument) -> list[str]:
    """Return the table of all models, in Markdown."""
    found = in_order(document.comparisons)
    if not found:
        return [f"Nothing that {code(document.flags)} selects has a relation to compare."]
    heads = ("Model", "Rows:", "Added:", "Removed:", "Changed:", "Columns", "")
    rows = [(code(each.name), *_cells(each)) for each in found[:_MODELS]]
    more = [f"… and {len(found) - _MODELS} more", ""] if len(found) > _MODELS else []
    compared = f"Compared with {code(document.compared_with)}." if document.compared_with else ""
    return [compared, *table(heads, rows), *more]


def _cells(each: Comparison) -> list[str]:
    if each.outcome != "compared":
        why = f": {code(each.why)}" if each.outcome != "failed" else ""
        return ["", "", "", "", "", f"{_WORDS[each.outcome]}{why}"]
    assert each.rows is not None
    return [
        _arrow(each.rows),
        _count("+", each.added),
        _count("−", each.removed),
        _count("~", each.changed),
        ", ".join(_columns(each)),
        "; ".join(_remarks(each)),
    ]


def _arrow(rows: tuple[int, int]) -> str:
    before, after = rows
    return f"{before:,}" if before == after else f"{before:,} → {after:,}"


def _count(sign: str, count: int | None) -> str:
    return f"{sign}{count:,}" if count else "" if count is None else "0"


def _columns(each: Comparison) -> list[str]:
    changes = [
        (len(each.columns_added), "+"),
        (len(each.columns_removed), "−"),
        (len(each.columns_retyped), "type of "),
    ]
    return [f"{sign}{count}" for count, sign in changes if count]


def _remarks(each: Comparison) -> list[str]:
    remarks = [] if each.key else ["Primary key missing"]
    if each.has_odd_keys:
        remarks.append("primary key is not unique, or NULL")
    if each.range is not None:
        remarks.append("overlapping time only")
    return remarks or ([] if each.differs else ["no difference"])


def _details(each: Comparison) -> list[str]:
    if each.outcome == "failed":
        return _folded(each, block(each.why))
    lines = [
        *_facts(each, code),
        *_column_table(each),
        *_changed_columns(each),
        *_rows("Added rows", each.samples.get("added"), each.added),
        *_rows("Removed rows", each.samples.get("removed"), each.removed),
        *_changed_rows(each),
    ]
    if each.outcome != "compared" or not lines or not (each.differs or each.notes):
        return []
    return _folded(each, lines)


def _folded(each: Comparison, lines: Iterable[str]) -> list[str]:
    return ["", f"<details><summary>{_title(each)}</summary>", "", *lines, "", "</details>", ""]


def _title(each: Comparison) -> str:
    """Return the name as HTML: a summary is not Markdown everywhere."""
    escaped = (letter if letter.isalnum() or letter in "_-. " else "_" for letter in each.name)
    return f"<code>{''.join(escaped)}</code>"


def _facts(each: Comparison, shown: Callable[[str], str]) -> list[str]:
    """Return sentences on the key, the time, the rows and columns left out, and the notes."""
    found: list[str] = []
    if each.key:
        found.append(f"Primary key: {', '.join(map(shown, each.key))}")
    if each.range is not None:
        at = each.range
        span = f"{shown(at.low or 'nothing')} to {shown(at.high or 'nothing')}"
        found.append(f"Only {shown(at.column)} from {span}: {_arrow(at.rows)} rows compared")
    for what, (before, after), whose in (
        ("rows without a key", each.null_keys, ""),
        ("keys there more than once", each.duplicate_keys, f"; {_arrow(each.duplicate_rows)} rows"),
    ):
        if before or after:
            found.append(f"Not counted: {what} ({_arrow((before, after))}{whose})")
    if each.columns_not_compared:
        found.append(f"Not compared: {', '.join(map(shown, each.columns_not_compared))}")
    found += [shown(note) for note in each.notes]
    return [f"- {each}" for each in found]


def _column_table(each: Comparison) -> list[str]:
    rows = [
        *((code(name), "added", "", code(kind)) for name, kind in each.columns_added),
        *((code(name), "removed", code(kind), "") for name, kind in each.columns_removed),
        *((code(name), "type", code(was), code(is_)) for name, was, is_ in each.columns_retyped),
    ]
    if not rows:
        return []
    return [*table(("Column", "", "Before", "After"), rows[:_MODELS]), *_more(len(rows), _MODELS)]


def _changed_columns(each: Comparison) -> list[str]:
    """Return a table with a bar for each column: how many of the changed rows differ there."""
    counts = sorted(each.changed_columns.items(), key=lambda pair: (-pair[1], pair[0]))
    if not counts:
        return []
    rows = [(code(name), f"{n:,}", _bar(n, each.changed or n)) for name, n in counts[:_MODELS]]
    return [*table(("Changed column", "Rows:", ""), rows), *_more(len(counts), _MODELS)]


def _bar(part: int, whole: int) -> str:
    full = max(1, round(_BAR * part / whole))
    return "█" * full + "░" * (_BAR - full)


def _rows(title: str, samples: Samples | None, count: int | None) -> list[str]:
    if samples is None or not samples.rows:
        return []
    heads = [code(name) or " " for name in samples.columns[:_COLUMNS]]
    rows = [[_value(value) for value in row[:_COLUMNS]] for row in samples.rows[:_ROWS]]
    return [*_heading(title, len(rows), count, len(samples.columns)), *table(heads, rows)]


def _changed_rows(each: Comparison) -> list[str]:
    samples = each.samples.get("changed")
    if samples is None or not samples.rows:
        return []
    wanted = _told_columns(each, samples)
    heads = [code(samples.columns[at]) or " " for at in wanted]
    rows = [
        [_change(row[2 * at], row[2 * at + 1]) for at in wanted] for row in samples.rows[:_ROWS]
    ]
    title = _heading("Changed rows", len(rows), each.changed, len(samples.columns), len(wanted))
    return [*title, *table(heads, rows)]


def _told_columns(each: Comparison, samples: Samples) -> list[int]:
    """Return the indexes of the key, and of the columns that have changed most."""
    names = [*each.key, *sorted(each.changed_columns, key=lambda name: -each.changed_columns[name])]
    return [samples.columns.index(name) for name in names if name in samples.columns][:_COLUMNS]


def _heading(
    title: str, shown: int, count: int | None, columns: int, told: int | None = None
) -> list[str]:
    told = min(columns, _COLUMNS) if told is None else told
    of_rows = f"{shown} of {count:,}" if count is not None and count > shown else str(shown)
    of_columns = f", {told} of {columns} columns" if told < columns else ""
    return ["", f"**{title}** ({of_rows}{of_columns})"]


def _value(value: Value) -> str:
    if value is None:
        return "_NULL_"
    return code(value, _VALUE) or "_empty_"


def _change(before: Value, after: Value) -> str:
    return _value(after) if before == after else f"{_value(before)} → {_value(after)}"


def _more(count: int, most: int) -> list[str]:
    return ["", f"… and {count - most} more", ""] if count > most else []


def _length(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def told(each: Comparison) -> list[str]:
    """Return lines of plain text, for the console."""
    if each.outcome != "compared":
        return [f"{each.name}: {_WORDS[each.outcome]}: {each.why}"]
    assert each.rows is not None
    columns = [
        *(f"+ {name} ({kind})" for name, kind in each.columns_added),
        *(f"- {name} ({kind})" for name, kind in each.columns_removed),
        *(f"{name} from {was} to {is_}" for name, was, is_ in each.columns_retyped),
    ]
    changed = [f"{name} in {count:,}" for name, count in each.changed_columns.items()]
    return [
        f"{each.name}: {_arrow(each.rows)} rows; {', '.join(_told_counts(each))}",
        *([f"    columns: {', '.join(columns)}"] if columns else []),
        *([f"    changed: {', '.join(changed)}"] if changed else []),
        *(f"    {fact.removeprefix('- ')}" for fact in _facts(each, _plain)),
    ]


def _told_counts(each: Comparison) -> list[str]:
    counts = ((each.added, "added"), (each.removed, "removed"), (each.changed, "changed"))
    found = [f"{count:,} {word}" for count, word in counts if count]
    remarks = [] if each.key else ["Primary key missing"]
    return [*found, *remarks] or ["no row differs"]


def _plain(text: str) -> str:
    return text


def summary(found: Sequence[Comparison]) -> str:
    """Return the numbers of compared, differing and other models, in one line."""
    differing = sum(each.differs for each in found if each.outcome == "compared")
    compared = sum(each.outcome == "compared" for each in found)
    others = len(found) - compared
    return f"{compared} compared, {differing} of them differ; {others} not compared"
