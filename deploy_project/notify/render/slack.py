"""A message in Slack's Block Kit; pure.

https://docs.slack.dev/reference/block-kit/blocks/ has the limits. Text of others is plain text,
where nothing is a mention or Markdown, or code with `&`, `<` and `>` escaped.
"""

from collections.abc import Iterator
from typing import Any

from deploy_project.notify.message import Item, Message

_MOST_BLOCKS = 50
_HEADER = 150
_FIELD = 2_000
_FIELDS = 10
_TEXT = 3_000
_FALLBACK = 300
_CODE = 1_200
Block = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """Return the body of a post to an incoming webhook; a bot adds its channel."""
    blocks = [
        _header(message.title),
        *_facts(message),
        *_links(message),
        *_sections(message),
    ]
    if len(blocks) > _MOST_BLOCKS:
        more = {"type": "section", "text": _plain("The message was too long; see the run.")}
        blocks = [*blocks[: _MOST_BLOCKS - 1], more]
    return {
        "text": escaped(_cut(message.title, _FALLBACK)),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def escaped(text: str) -> str:
    """Return `text` as Slack asks for it in mrkdwn: nothing in it is a mention or a link.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _header(title: str) -> Block:
    return {"type": "header", "text": _plain(_cut(title, _HEADER))}


def _facts(message: Message) -> Iterator[Block]:
    fields = [_plain(_cut(f"{each.name}\n{each.value}", _FIELD)) for each in message.facts]
    for begin in range(0, len(fields), _FIELDS):
        yield {"type": "section", "fields": fields[begin : begin + _FIELDS]}


def _links(message: Message) -> Iterator[Block]:
    shown = [
        f"<{_address(link.url)}|{escaped(link.label)}>"
        for link in message.links
        if link.url.startswith(("https://", "http://"))
    ]
    if shown:
        yield {"type": "section", "text": _mrkdwn(_cut(" · ".join(shown), _TEXT))}


def _sections(message: Message) -> Iterator[Block]:
    for section in message.sections:
        yield {"type": "divider"}
        yield {"type": "section", "text": _mrkdwn(f"*{escaped(section.title)}*")}
        for item in section.items:
            yield from _item(item)


def _item(item: Item) -> Iterator[Block]:
    yield {"type": "section", "text": _plain(_cut(item.heading, _TEXT))}
    if item.text:
        # A fence in the text would end the code; a look-alike does not.
        code = escaped(_cut(item.text.replace("```", "ˋˋˋ"), _CODE))
        yield {"type": "section", "text": _mrkdwn(f"```\n{_cut_escaped(code)}\n```")}
    if item.note:
        yield {"type": "context", "elements": [_plain(_cut(item.note, _TEXT))]}


def _cut_escaped(code: str) -> str:
    """Return escaped text within the limit of a block, and no escape of it in half."""
    most = _TEXT - len("```\n\n```") - 1
    return code if len(code) <= most else code[:most].rpartition("&")[0] + "…"


def _address(url: str) -> str:
    return escaped(url).replace("|", "%7C")


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
