"""The HTML of the pages; pure. Every value is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 50rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ border-bottom: 1px solid #ddd; padding: .5rem; text-align: left }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


@dataclass(frozen=True)
class Row:
    """One environment on the index page."""

    environment: str
    project: str
    commit: str
    """Empty when nothing was deployed yet."""
    commit_url: str
    """Empty when the hosting is not known."""
    has_docs: bool


def index(title: str, rows: Sequence[Row], *, dagster_url: str) -> str:
    """Return the page that lists the environments."""
    head = "<tr><th>Environment</th><th>Project</th><th>Deployed commit</th><th>Docs</th></tr>"
    table = "\n".join(["<table>", head, *map(_cells, rows), "</table>"])
    return _page(title, f"{table}\n<p>{_link(dagster_url, 'Runs and assets in Dagster')}</p>")


def message(text: str) -> str:
    """Return a page that says `text`."""
    return _page("deploy_project", f"<p>{escape(text)}</p>")


def no_docs(environment: str) -> str:
    """Return the message for an environment without docs."""
    return (
        f"Environment {environment!r} has no docs yet. A successful run of a job with "
        "`generate_docs: true` publishes them."
    )


def _cells(row: Row) -> str:
    short = row.commit[:7] or "none yet"
    commit = _link(row.commit_url, short) if row.commit_url else escape(short)
    docs = _link(f"docs/{quote(row.environment)}/", "Docs") if row.has_docs else "none yet"
    cells = (escape(row.environment), escape(row.project), commit, docs)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _link(url: str, text: str) -> str:
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _page(title: str, body: str) -> str:
    return _FRAME.format(title=escape(title), body=body)
