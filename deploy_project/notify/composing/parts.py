"""The parts that messages on runs are made of: lines, texts, failures and warnings; pure."""

from collections.abc import Iterator, Mapping, Sequence

from deploy_project.notify.message import Item
from deploy_project.runs.model.run_facts import FailureFacts, RunFacts, Sample

_MOST = 10
"""So many failures, warnings and commits are listed; the rest is counted."""
_SKIPPED = 5
_LONGEST = 1_500
_LINE = 200
_BESIDE_ROWS = 500
_COLUMNS = 6
_CELL = 16


def failure(each: FailureFacts, rows: Mapping[str, Sample]) -> Item:
    """Return a failure with its place, dbt's message, its rows and the nodes skipped for it."""
    place = f"{each.file}:{each.line}" if each.file and each.line else each.file
    heading = " - ".join(filter(None, [each.unique_id or f"Step {each.step}", place]))
    names = [unique_id.rpartition(".")[2] for unique_id in each.skipped[:_SKIPPED]]
    more = len(each.skipped) - len(names)
    names += [f"{more} more"] if more > 0 else []
    note = f"Skipped for it: {', '.join(names)}" if names else ""
    return Item(
        one_line(heading), _with_rows(each.message, rows.get(each.unique_id)), one_line(note)
    )


def warnings(facts: RunFacts) -> Iterator[Item]:
    """Yield the tests that warn, the sources that are stale, and the check-boxes that failed."""
    last = {each.unique_id: each for each in facts.nodes}
    for node in last.values():
        if node.status == "warn":
            text = _with_rows(node.message, facts.rows.get(node.unique_id))
            yield Item(one_line(node.unique_id), text)
    for source in facts.freshness:
        if source.status not in ("pass", ""):
            stale = (
                f"last loaded at {source.max_loaded_at:%Y-%m-%d %H:%M %Z}"
                if (source.max_loaded_at)
                else one_line(source.message)
            )
            yield Item(one_line(f"{source.unique_id}: freshness {source.status}, {stale}"))
    for each in facts.failed_steps:
        yield Item(one_line(f"{each} has failed, without failing the run"))


def _with_rows(message: str, sample: Sample | None) -> str:
    """Return dbt's message with the first rows that a test has found as a table."""
    if sample is None:
        return some_text(message)
    said = some_text(message)
    said = said if len(said) <= _BESIDE_ROWS else f"{said[: _BESIDE_ROWS - 1]}…"
    return f"{said}\n\n{_table(sample)}"


def _table(sample: Sample) -> str:
    """Return rows as aligned text, of the first columns and the beginnings of their values."""
    lines = [
        [_cell("NULL" if each is None else each) for each in line[:_COLUMNS]]
        for line in (sample.columns, *sample.rows)
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=False)]
    shown = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=False)).rstrip()
        for line in lines
    ]
    more = len(sample.columns) - _COLUMNS
    rest = [f"and {more} more column{'s' if more > 1 else ''}"] if more > 0 else []
    return "\n".join([*shown, *rest])


def _cell(text: str) -> str:
    shown = one_line(text)
    return shown if len(shown) <= _CELL else f"{shown[: _CELL - 1]}…"


def limited(items: Sequence[Item]) -> list[Item]:
    """Return the first of the items, and the number of the others."""
    more = len(items) - _MOST
    return [*items[:_MOST], *([Item(f"… and {more} more")] if more > 0 else [])]


def one_line(text: str) -> str:
    """Return the beginning of `text` on one line, without characters that turn it around."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return shown if len(shown) <= _LINE else f"{shown[: _LINE - 1]}…"


def some_text(text: str) -> str:
    """Return the beginning of `text` without control characters, save ends of lines."""
    shown = "".join(each if each.isprintable() or each == "\n" else " " for each in text).strip(
        "\n"
    )
    return shown.rstrip() if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
