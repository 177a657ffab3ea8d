"""The links of README.md and docs/: each leads to a file that is there, and to a heading in it."""

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as hosting sites make them."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text("utf-8")), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings)
    return set(plain)


def links(page: Path) -> list[str]:
    """The links of a page that lead into this repository."""
    text = re.sub(r"``.*?``|`[^`\n]*`", "", _CODE.sub("", page.read_text("utf-8")))
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [each for each in found if "://" not in each]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path):
    wrong: list[str] = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            wrong.append(link)
    assert not wrong
