"""The map in docs/contributing.md, and the order that it tells of among modules and tests."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

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


SUPPORT = sorted(file.parent for file in (ROOT / "tests/support").rglob("__init__.py"))


@pytest.mark.parametrize("package", [*PACKAGES, *SUPPORT], ids=lambda each: each.name)
def test_a_folder_is_no_crowd(package: Path):
    assert len(modules(package)) <= LARGEST


@pytest.mark.parametrize("page", ["api.md", "contributing.md", "security.md"])
def test_a_page_names_files_that_are_there(page: str):
    """Each path on it below the package, tests, bench or docs is a file or a folder."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(BEGIN)[0]
    named = {
        word.strip("`.,:;")
        for word in text.replace("(", " ").replace(")", " ").split()
        if word.startswith(("`deploy_project/", "`tests/", "`bench/", "`docs/"))
    }
    assert named
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def imported(file: Path) -> set[str]:
    """The dotted names that a file imports, whether they are modules or things in modules."""
    package = file.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            found |= {f"{module}.{each.name}" for each in node.names}
    return found


def is_of_tests(name: str) -> bool:
    """Whether a dotted name leads into a conftest, or into a module that holds tests."""
    first, *rest = name.split(".")
    parts = rest if first == "tests" else [first]
    return any(each == "conftest" or each.startswith("test_") for each in parts)


def test_what_tests_share_is_in_modules_that_hold_no_tests():
    """Thirty test modules imported another one, and none of them could be moved or read alone."""
    found = [
        f"{file.relative_to(ROOT)} imports {name}"
        for folder in ("tests", "bench")
        for file in sorted((ROOT / folder).rglob("*.py"))
        for name in sorted(imported(file))
        if is_of_tests(name)
    ]
    assert found == [], "put it into tests/support/, or into a module beside them"
