"""The map in docs/contributing.md: a line for each module, and no folder that is a crowd."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "contributing.md"
BEGIN, END = "<!-- modules -->\n", "<!-- end of modules -->\n"
LARGEST = 12
"""So many modules a folder has at most: more are no longer one idea."""
PACKAGES = sorted(
    file.parent
    for file in (ROOT / "deploy_project").rglob("__init__.py")
    if "example/dbt" not in file.as_posix()
)


def modules(package: Path) -> list[Path]:
    return sorted(file for file in package.glob("*.py") if file.name != "__init__.py")


def first_line(file: Path) -> str:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert text, f"{file} has no docstring"
    return text.splitlines()[0]


def modules_section() -> str:
    lines: list[str] = []
    for package in PACKAGES:
        name = package.relative_to(ROOT).as_posix()
        lines += ["", f"**{name}/**: {first_line(package / '__init__.py')}", ""]
        lines += [f"- `{file.name}`: {first_line(file)}" for file in modules(package)]
    return "\n".join([*lines[1:], ""])


def test_the_page_lists_every_module(request: pytest.FixtureRequest):
    """`make golden` rewrites the list."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    listed, _, after = rest.partition(END)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(f"{before}{BEGIN}{modules_section()}{END}{after}", encoding="utf-8")
        return
    assert listed == modules_section(), "run `make golden`"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each.name)
def test_a_folder_is_no_crowd(package: Path):
    assert len(modules(package)) <= LARGEST


def test_the_page_names_files_that_are_there():
    """Each path of the page below the package, tests, bench or docs is a file or a folder."""
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    named = {
        word.strip("`.,:;")
        for word in text.replace("(", " ").replace(")", " ").split()
        if word.startswith(("`deploy_project/", "`tests/", "`bench/", "`docs/"))
    }
    assert named
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []
