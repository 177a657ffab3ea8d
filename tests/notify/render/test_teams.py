"""Adaptive Cards: what Workflows takes, and nothing of others that is Markdown or a date."""

import json
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft6Validator, ValidationError

from deploy_project.notify.message import Fact, Item, Link, Message, Section
from deploy_project.notify.render.teams import encoded, payload
from tests.support.messages import ATTACK, FAILURE, RECOVERY, WITH_ROWS

_FILE = files("adaptive_cards") / "schemas" / "schema-1.5.json"
SCHEMA = Draft6Validator(json.loads(_FILE.read_text(encoding="utf-8")))

LONG = replace(
    FAILURE,
    title="t" * 500,
    facts=tuple(Fact("n" * 50, "ä" * 5_000) for _ in range(25)),
    sections=tuple(
        Section("s", tuple(Item("h" * 4_000, "line\n" * 3_000, "n" * 4_000) for _ in range(10)))
        for _ in range(10)
    ),
)


def elements(of: Any) -> Iterator[dict[str, Any]]:
    if isinstance(of, dict):
        if "type" in of:
            yield of
        for each in of.values():
            yield from elements(each)
    elif isinstance(of, list):
        for each in of:
            yield from elements(each)


@pytest.mark.parametrize("message", [FAILURE, RECOVERY, ATTACK, LONG])
def test_it_is_one_card_of_a_size_that_workflows_take(message: Message):
    found = payload(message)
    assert found["type"] == "message"
    [attachment] = found["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert len(encoded(found)) < 28_000
    assert json.loads(encoded(found)) == found


@pytest.mark.parametrize("message", [FAILURE, RECOVERY, ATTACK, LONG, WITH_ROWS])
def test_it_follows_microsofts_schema(message: Message):
    """The schema refuses unknown keys and values; Teams shows nothing of such a card."""
    card = payload(message)["attachments"][0]["content"]
    assert card.pop("msteams") == {"width": "Full"}, "which is an extension of Teams'"
    SCHEMA.validate(card)  # pyright: ignore[reportUnknownMemberType]
    card["body"][0]["style"] = "angry"
    with pytest.raises(ValidationError):
        SCHEMA.validate(card)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("message", [ATTACK, LONG])
def test_text_of_others_is_in_runs_alone(message: Message):
    """Text blocks and facts would read Markdown in it."""
    found = payload(message)
    kinds = {each["type"] for each in elements(found)}
    assert kinds <= {
        *("message", "AdaptiveCard", "Container", "RichTextBlock", "TextRun", "Action.OpenUrl")
    }
    for each in elements(found):
        if each["type"] == "TextRun":
            assert 0 < len(each["text"]) <= 301
            assert "\n" not in each["text"]


def test_a_date_of_others_stays_what_it_is():
    text = "{{DATE(2026-01-01T00:00:00Z, SHORT)}} {{ TIME(2026) }} {{ ref('a') }}"
    found = str(payload(replace(FAILURE, title=text)))
    assert "{{DATE" not in found
    assert "{{ TIME" not in found
    assert "{{ ref('a') }}" in found


def test_spaces_that_align_stay():
    item = Item("test", "id  amount\n 1  2")
    found = payload(replace(FAILURE, sections=(Section("Reason", (item,)),)))
    texts = [each["text"] for each in elements(found) if each["type"] == "TextRun"]
    assert "id\u00a0\u00a0amount" in texts
    assert "\u00a01\u00a0\u00a02" in texts


def test_links_are_web_addresses():
    links = (Link("Run", "javascript:alert(1)"), Link("Commit", "https://git.example/a"))
    card = payload(replace(FAILURE, links=links))["attachments"][0]["content"]
    assert [each["url"] for each in card["actions"]] == ["https://git.example/a"]
    card = payload(replace(FAILURE, links=links[:1]))["attachments"][0]["content"]
    assert "actions" not in card


def test_a_card_that_is_too_long_says_so():
    assert "The message was too long; see the run." in str(payload(LONG))
    assert "The message was too long" not in str(payload(FAILURE))
