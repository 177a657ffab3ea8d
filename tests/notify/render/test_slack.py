"""Slack's Block Kit: its written limits, and nothing of others that is a mention or a link.

https://docs.slack.dev/reference/block-kit/blocks/
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

from deploy_project.notify.message import Fact, Item, Link, Message, Section
from deploy_project.notify.render.slack import escaped, payload
from tests.support.messages import ATTACK, FAILURE, HOSTILE, RECOVERY, WITH_ROWS

LONG = replace(
    FAILURE,
    title="t" * 500,
    facts=tuple(Fact("n" * 50, "&" * 5_000) for _ in range(25)),
    sections=tuple(
        Section("s", tuple(Item("h" * 4_000, "&<>" * 3_000, "n" * 4_000) for _ in range(10)))
        for _ in range(10)
    ),
)


def texts(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "text" in block:
        yield block["text"]
    yield from block.get("fields", [])
    yield from block.get("elements", [])


@pytest.mark.parametrize("message", [FAILURE, RECOVERY, ATTACK, LONG])
def test_the_limits_are_kept(message: Message):
    blocks = payload(message)["blocks"]
    assert 1 <= len(blocks) <= 50
    for block in blocks:
        assert block["type"] in ("header", "section", "divider", "context")
        assert len(block.get("fields", [])) <= 10
        assert all(len(each["text"]) <= 2_000 for each in block.get("fields", []))
        for text in texts(block):
            assert text["type"] in ("plain_text", "mrkdwn")
            assert ("verbatim" in text) == (text["type"] == "mrkdwn")
            assert 1 <= len(text["text"]) <= (150 if block["type"] == "header" else 3_000)


@pytest.mark.parametrize("message", [FAILURE, RECOVERY, ATTACK, LONG, WITH_ROWS])
def test_slacks_own_models_take_it(message: Message):
    """The models of slack-sdk know the limits, and refuse what breaks them."""
    blocks = payload(message)["blocks"]
    for block, model in zip(blocks, Block.parse_all(blocks), strict=True):
        model.validate_json()
        assert model.to_dict() == block
    header = {"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}
    [wrong] = Block.parse_all([header])
    with pytest.raises(SlackObjectFormationError):
        wrong.validate_json()


@pytest.mark.parametrize("message", [ATTACK, LONG])
def test_nothing_of_others_is_a_mention_or_a_link(message: Message):
    found = payload(message)
    marked = [t["text"] for b in found["blocks"] for t in texts(b) if t["type"] == "mrkdwn"]
    for text in [found["text"], *marked]:
        ours = re.sub(r"<https://(dagster|git)\.example/[^<>|]*\|(Run|Commit)>", "", text)
        assert "<" not in ours
        assert ">" not in ours
        assert re.fullmatch(r"(&(amp|lt|gt);|[^&])*", ours), "no escape is cut in half"


def test_a_fence_does_not_end_the_code():
    code = [
        text["text"]
        for block in payload(ATTACK)["blocks"]
        for text in texts(block)
        if text["text"].startswith("```")
    ]
    assert code
    assert all(each.count("```") == 2 for each in code)
    assert "```" in HOSTILE


def test_links_are_web_addresses():
    found = payload(replace(FAILURE, links=(Link("Run", "javascript:alert(1)"),)))
    assert "javascript" not in str(found)
    found = payload(replace(FAILURE, links=(Link("Run", "https://x/a|b>c"),)))
    assert "<https://x/a%7Cb&gt;c|Run>" in str(found)


def test_slacks_own_escapes():
    assert escaped("a & <b>") == "a &amp; &lt;b&gt;"
