"""docs/operations.md quotes the messages of runs as the code says them."""

import ast
from functools import cache

import pytest

from tests.support.documented_messages import messages
from tests.support.paths import ROOT

DOCUMENT = ROOT / "docs" / "operations.md"


@cache
def said() -> str:
    """Every text of the package, with … for what varies in it."""
    texts: list[str] = []
    for file in sorted((ROOT / "deploy_project").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    each.value if isinstance(each, ast.Constant) else "…" for each in node.values
                )
                texts.append("".join(map(str, parts)))
    return "\n".join(texts)


@pytest.mark.parametrize("message", messages(DOCUMENT))
def test_the_code_says_it(message: str):
    everything = said()
    missing = [part for part in message.split("…") if part.strip(" .:,") and part not in everything]
    assert missing == []
