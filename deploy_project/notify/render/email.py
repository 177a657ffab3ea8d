"""A message as mail: its subject, and its text in HTML; pure. No text of others is HTML in it."""

from collections.abc import Iterator
from html import escape

from deploy_project.notify.message import Item, Message

_COLORS = {
    "success": "#1a7f37",
    "recovered": "#1a7f37",
    "warning": "#9a6700",
    "late": "#9a6700",
    "failure": "#cf222e",
    "cancelled": "#59636e",
}
_LONGEST = 150
_FONT = "font-family: -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_CODE = "background: #f6f8fa; padding: 8px; white-space: pre-wrap; overflow-wrap: anywhere"


def subject(message: Message) -> str:
    """Return the subject: one line, which begins no header of its own."""
    shown = "".join(each if each.isprintable() else " " for each in message.title)
    shown = shown.replace(
        "=?", "= ?"
    )  # the email package decodes encoded words, line breaks in them
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"


def html(message: Message) -> str:
    """Return the whole message as one HTML document without anything to load."""
    return "\n".join(
        [
            '<!DOCTYPE html><html><head><meta charset="utf-8"></head>',
            f'<body style="{_FONT}; font-size: 14px; color: #1f2328; max-width: 720px">',
            f'<h2 style="border-left: 6px solid {_COLORS[message.condition]}; padding-left: 10px">'
            f"{escape(message.title)}</h2>",
            *_facts(message),
            *_sections(message),
            *_links(message),
            "</body></html>",
            "",
        ]
    )


def _facts(message: Message) -> Iterator[str]:
    yield "<table>"
    for fact in message.facts:
        yield (
            '<tr><th style="text-align: left; vertical-align: top; padding-right: 16px">'
            f"{escape(fact.name)}</th><td>{escape(fact.value)}</td></tr>"
        )
    yield "</table>"


def _sections(message: Message) -> Iterator[str]:
    for section in message.sections:
        yield f"<h3>{escape(section.title)}</h3>"
        yield "<ul>"
        yield from (_item(each) for each in section.items)
        yield "</ul>"


def _item(item: Item) -> str:
    text = f'<pre style="{_CODE}">{escape(item.text)}</pre>' if item.text else ""
    note = f"<div>{escape(item.note)}</div>" if item.note else ""
    return f"<li><code>{escape(item.heading)}</code>{text}{note}</li>"


def _links(message: Message) -> Iterator[str]:
    shown = [
        f'<a href="{escape(link.url)}">{escape(link.label)}</a>'
        for link in message.links
        if link.url.startswith(("https://", "http://"))
    ]
    if shown:
        yield f"<p>{' · '.join(shown)}</p>"
