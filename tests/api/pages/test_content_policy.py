"""The policy of pages: a docs site runs its own scripts, and nothing of the project's texts."""

import importlib.util
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from deploy_project.api.pages import html
from deploy_project.api.pages.content_policy import of_docs, of_page


def directives(policy: str) -> dict[str, list[str]]:
    parts = (each.split() for each in policy.split(";"))
    return {name: values for name, *values in parts}


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_a_page_of_ours_has_its_style_and_runs_nothing():
    page = html.message("<script>alert(1)</script>")
    found = directives(of_page(page.encode()))
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert found == {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "style-src": [digest(style)],
    }


@pytest.mark.parametrize(
    ("index", "scripts"),
    [
        (
            '<script defer="defer">a("<script>")</script><p>x<SCRIPT\ntype="x">b\n</SCRIPT >',
            ['a("<script>")', "b\n"],
        ),
        ("<scripts>a</scripts><p onclick='b'>", []),
        ("<script>1</script>", ["1"]),
    ],
    ids=["several", "none", "one"],
)
def test_the_scripts_of_a_docs_site_are_named_one_by_one(index: str, scripts: list[str]):
    found = directives(of_docs(index.encode()))
    assert found["script-src"] == ([digest(each) for each in scripts] or ["'none'"])
    assert found["default-src"] == found["base-uri"] == found["frame-ancestors"] == ["'none'"]
    assert found["connect-src"] == ["'self'"], "the manifest and the catalog beside it"


def test_the_page_that_dbt_ships_has_scripts_that_the_policy_names():
    """Nothing that it loads is left to the words of a project, such as `'unsafe-inline'`."""
    package = importlib.util.find_spec("dbt.task.docs")
    assert package is not None
    assert package.origin is not None
    content = Path(package.origin).with_name("index.html").read_bytes()
    scripts = directives(of_docs(content))["script-src"]
    assert len(scripts) == len(re.findall(rb"</script>", content))
    assert all(each.startswith("'sha256-") for each in scripts)
    assert not re.search(rb"<(script|link|img)[^>]* (src|href)=\"https?:", content)
