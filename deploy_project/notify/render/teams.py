"""A message as an Adaptive Card for Teams; pure.

https://adaptivecards.io/explorer/ has the elements, and Workflows takes about 28 KB. Text of others
is in text runs, where Markdown does nothing, unlike in text blocks and facts.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from deploy_project.notify.message import Item, Message

_LARGEST = 24_000
"""Bytes of a payload; what goes beyond is left out from the end."""
_LINES = 40
_LINE = 300
_ACTIONS = 6
_STYLES = {
    "success": "good",
    "recovered": "good",
    "warning": "warning",
    "late": "warning",
    "failure": "attention",
    "cancelled": "default",
}
# Teams would put a date in place of it: https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features
_DATE = re.compile(r"\{\{(?=\s*(DATE|TIME)\s*\()")
_APART = "{\u200b{"
Element = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """Return the body of a post to a workflow: one message with one card."""
    body: list[Element] = []
    left = _LARGEST - len(encoded(_message(message, [])))
    for each in (*_title(message), *_facts(message), *_sections(message)):
        left -= len(encoded(each)) + len(", ")
        if left < 0:
            more = [_run("The message was too long; see the run.")]
            body.append(_block(more, spacing="Medium"))
            break
        body.append(each)
    return _message(message, body)


def encoded(content: dict[str, Any]) -> bytes:
    """Return a payload, or a part of one, as JSON."""
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def _message(message: Message, body: list[Element]) -> dict[str, Any]:
    card: Element = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "msteams": {"width": "Full"},
    }
    actions = [
        {"type": "Action.OpenUrl", "title": each.label, "url": each.url}
        for each in message.links
        if each.url.startswith(("https://", "http://"))
    ]
    if actions:
        card["actions"] = actions[:_ACTIONS]
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def _title(message: Message) -> Iterator[Element]:
    title = _run(message.title, size="Large", weight="Bolder")
    style = _STYLES[message.condition]
    yield {"type": "Container", "style": style, "bleed": True, "items": [_block([title])]}


def _facts(message: Message) -> Iterator[Element]:
    for fact in message.facts:
        yield _block([_run(f"{fact.name}: ", weight="Bolder"), _run(fact.value)])


def _sections(message: Message) -> Iterator[Element]:
    for section in message.sections:
        title = _run(section.title, size="Medium", weight="Bolder")
        yield _block([title], spacing="Large", separator=True)
        for item in section.items:
            yield from _item(item)


def _item(item: Item) -> Iterator[Element]:
    weight = {"weight": "Bolder"} if item.text else {}
    yield _block([_run(item.heading, **weight)], spacing="Small")
    lines = item.text.splitlines()
    for line in lines[:_LINES]:  # a run has no line breaks
        yield _block([_run(_aligned(line), fontType="Monospace")])
    if len(lines) > _LINES:
        yield _block([_run(f"… and {len(lines) - _LINES} more lines")])
    if item.note:
        yield _block([_run(item.note, isSubtle=True)])


def _aligned(line: str) -> str:
    """Return a line with spaces that stay; at one alone it may be broken."""
    return re.sub(" {2,}|^ ", lambda found: "\u00a0" * len(found[0]), line)


def _block(inlines: list[Element], *, spacing: str = "None", **more: Any) -> Element:
    return {"type": "RichTextBlock", "spacing": spacing, **more, "inlines": inlines}


def _run(text: str, **more: Any) -> Element:
    line = _cut(" ".join(text.splitlines()))
    return {"type": "TextRun", "text": _DATE.sub(_APART, line) or " ", **more}


def _cut(text: str) -> str:
    return text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"
