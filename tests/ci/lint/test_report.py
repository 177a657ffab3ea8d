"""What is said of linting, and what hostile text does in it: nothing."""

from pathlib import Path

import pytest

from deploy_project.ci.lint.report import Lint, Violation, lines, read, section, summary
from deploy_project.errors import LintError


def violation(
    file: str = "models/a.sql", *, warning: bool = False, message: str = "No."
) -> Violation:
    return Violation(
        file=file, line=3, column=5, code="LT01", rule="layout.x", message=message, warning=warning
    )


@pytest.mark.parametrize(
    ("found", "clean", "said"),
    [
        (Lint(), True, "SQLFluff found 0 violations in 0 files"),
        (Lint(linted=["a"]), True, "SQLFluff found 0 violations in 1 file"),
        (
            Lint(linted=["a", "b"], violations=[violation(), violation(warning=True)]),
            False,
            "SQLFluff found 1 violation in 2 files, 1 warning",
        ),
        (
            Lint(linted=["a"], violations=[violation(warning=True)], ignored=["b"]),
            True,
            "SQLFluff found 0 violations in 1 file, 1 warning, 1 file ignored",
        ),
        (
            Lint(skipped=["a"], failed=2),
            False,
            "SQLFluff found 0 violations in 0 files, 1 file skipped, 2 files could not be linted",
        ),
    ],
    ids=["nothing", "clean", "violation", "warning", "could not be linted"],
)
def test_only_what_was_looked_at_without_a_violation_is_clean(found: Lint, clean: bool, said: str):
    assert (found.is_clean, summary(found)) == (clean, said)


def test_each_violation_is_a_line_that_can_be_printed():
    found = Lint(violations=[violation("a\nb\x1b[2J.sql"), violation(warning=True), violation()])
    assert list(lines(found, most=2)) == [
        "a\\nb\\x1b[2J.sql:3:5 LT01 layout.x: No.",
        "models/a.sql:3:5 LT01 layout.x (warning): No.",
        "… and 1 more, in the artifact lint.json",
    ]


def test_notes_are_lines_and_bounded():
    assert list(lines(Lint(notes=["a\nb", "c"]), most=2)) == ["a", "b"]


def test_text_of_others_is_code_in_the_comment():
    hostile = "<img src=x> @everybody | `a` [x](javascript:alert(1))"
    told = section(
        Lint(sqlfluff="4.4.0", linted=["a"], violations=[violation(hostile, message=hostile)])
    )
    assert told.splitlines()[0] == "**SQL lint**: SQLFluff found 1 violation in 1 file"
    spelled = hostile.replace("|", "│")
    assert f"| ``{spelled}:3`` | `LT01` | ``{spelled}`` |" in told


def test_the_comment_is_bounded_and_empty_when_nothing_was_linted():
    assert section(Lint(ignored=["a"])) == ""
    many = Lint(sqlfluff="4.4.0", violations=[violation()] * 70, notes=["note"] * 70)
    told = section(many)
    assert told.count("`LT01`") == 50
    assert told.count("- `note`") == 50
    assert "… and 20 more" in told


def test_a_result_that_is_cut_off_is_no_clean_one(tmp_path: Path):
    file = tmp_path / "lint.json"
    file.write_text('{"sqlfluff": "4.4.0", "viol')
    with pytest.raises(LintError, match=r"lint\.json is not a whole result of SQLFluff"):
        read(file)
