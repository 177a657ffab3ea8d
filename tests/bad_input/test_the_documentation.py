"""docs/errors.md lists nothing that nobody meets; this runs last in the directory."""

from pathlib import Path

import pytest

from tests.support.documented_messages import FILE, Met, matches, messages


@pytest.mark.parametrize(
    ("documented", "said", "same"),
    [
        ("no `x`, found …; do", "no `x`, found 1\n2; do", True),
        ("no `x`, found …; do", "no `x`, found 1", False),
        ("no `x`, found …; do", "no `x`, found ; do", False),
        ("no (x)", "no x", False),
    ],
)
def test_a_message_matches_whole(documented: str, said: str, same: bool):
    assert matches(documented, said) == same


def test_messages_are_the_first_column_of_the_tables(tmp_path: Path):
    file = tmp_path / "errors.md"
    lines = [
        "| message | cause |",
        "|---|---|",
        "| `a` | `b` |",
        "| `` c `d` \\| … `` | e |",
        "f `g`",
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    assert messages(file) == ["a", "c `d` | …"]


@pytest.mark.slow
def test_every_documented_message_is_met(request: pytest.FixtureRequest, met: Met):
    here = Path(__file__).parent
    collected = {item.path for item in request.session.items}
    if not collected.issuperset(here.glob("test_*.py")) or request.config.option.keyword:
        pytest.skip("only together with all other tests of this directory")
    if met.incomplete:
        pytest.skip(f"some messages could not be provoked: {met.incomplete}")
    unmet = [each for each in messages(FILE) if each not in met.met]
    assert unmet == []
