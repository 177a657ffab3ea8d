"""Markdown for the text of others, which shows as it is and does nothing; pure.

GitHub, GitLab and Gitea turn text into links, images, mentions and HTML, and GitLab carries out
lines that begin with `/`. None of them does so in code, so all text of others is code.
"""

import re
from collections.abc import Iterable, Sequence

_LONGEST = 200
_LINES = 30
_LINE = 500
_INDENT = "    "


def code(text: str, longest: int = _LONGEST) -> str:
    """Return one line of code, also for the cell of a table; `longest` is in characters."""
    line = _shown(" ".join(text.split()))
    line = line if len(line) <= longest else line[: longest - 1] + "…"
    # Sites disagree on how a cell may spell a bar; a look-alike needs no spelling.
    line = line.replace("|", "│")
    if not line:
        return ""
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(text: str) -> list[str]:
    """Return lines of code, indented: there is no fence that a line of the text could close."""
    lines = [_shown(line.expandtabs(4)).rstrip() for line in text.strip().splitlines()]
    shown = [line if len(line) <= _LINE else line[: _LINE - 1] + "…" for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"… {len(lines) - _LINES} more lines")
    return ["", *(_INDENT + line for line in shown), ""]


def link(label: str, url: str) -> str:
    """Return a link; `label` is our own Markdown, and stands alone where the address is none."""
    if not re.fullmatch(r"https?://[^\s<>\\|]+", url) or not url.isprintable():
        return label
    return f"[{label}]({url.replace('(', '%28').replace(')', '%29')})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table with cells of ready Markdown; a head that ends in `:` is right-aligned."""
    line = "|".join("--:" if head.endswith(":") else "---" for head in heads)
    names = " | ".join(head.rstrip(":") for head in heads)
    return ["", f"| {names} |", f"|{line}|", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _shown(text: str) -> str:
    """Return `text` with a mark for each invisible character, such as those that turn it around."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
