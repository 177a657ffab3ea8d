"""When `dbt deps` is not started, and the error in what dbt has said."""

from pathlib import Path

import pytest

from deploy_project.releases.packages import last_words, names_none

PROJECT = "name: tiny\nprofile: tiny\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, True),
        ({"models/packages.yml": "{}"}, True),
        ({"packages.yml": "packages: []"}, False),
        ({"dependencies.yml": "projects: [{name: other}]"}, False),
        ({"package-lock.yml": "packages: []"}, False),
        ({"dbt_packages/helper/dbt_project.yml": "name: helper"}, False),
        ({"dbt_project.yml": PROJECT + "packages-install-path: lib"}, False),
    ],
)
def test_a_project_without_packages_is_one_that_names_none_and_holds_none(
    tmp_path: Path, files: dict[str, str], expected: bool
):
    for name, content in {"dbt_project.yml": PROJECT, **files}.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    assert names_none(tmp_path) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["12:00:00  Encountered an error:", "No such file", "12:00:01  Traceback"],
            "No such file",
        ),
        (["one", "", "two"], "one\ntwo"),
        ([], "no message"),
        (
            [
                '{"info": {"msg": "Running with dbt=1.11.16"}}',
                '{"info": {"msg": "Encountered an error:\\nNo such file"}}',
            ],
            "No such file",
        ),
        (['{"info": {"level": "error"}}', "{not json"], '{"info": {"level": "error"}}\n{not json'),
        (["\x1b[0m12:00:00  [\x1b[31mERROR\x1b[0m]: no"], "12:00:00  [ERROR]: no"),
    ],
    ids=["text", "no error", "nothing", "JSON", "other JSON", "colors"],
)
def test_the_last_words_of_dbt_are_text(lines: list[str], expected: str):
    assert last_words(lines) == expected
