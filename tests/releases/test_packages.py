"""When `dbt deps` is not started."""

from pathlib import Path

import pytest

from deploy_project.releases.packages.installing import names_none

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
