"""Lines of Markdown tables, and the places of tables between a page's markers; pure."""

from collections.abc import Iterable


def line(cells: Iterable[str]) -> str:
    """Return one line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def replaced(text: str, content: str, *, name: str) -> str:
    """Return `text` with `content` between the markers of `name`; `ValueError` without them."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"found no {begin} followed by {end}; put both where the table belongs")
    return f"{before}{begin}\n{content}\n{end}{after}"
