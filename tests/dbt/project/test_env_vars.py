"""Which variables the files of a dbt project ask for: what dbt would render, and nothing else."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from deploy_project.dbt.project.env_vars import EnvVarCall, asked, in_project


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", []),
        ("env_var('A')", []),
        ("{{ env_var('A') }}", [("A", True)]),
        ('{{env_var( "A" )|int}}', [("A", True)]),
        ("{{ env_var('A', 'b') }}", [("A", False)]),
        ("{{ env_var('A', '') }}", [("A", False)]),
        ("{{ env_var('A', none) }}", [("A", True)]),
        ("{{ env_var(var='A') }}", [("A", True)]),
        ("{{ env_var('A', default=target.name) }}", [("A", False)]),
        ("{{ env_var('A') ~ '/' ~ env_var('B', 'c') }}", [("A", True), ("B", False)]),
        ("{{ env_var('A', env_var('B')) }}", [("A", False), ("B", True)]),
        ("{{ env_var('A') if target.name == 'prod' else 'b' }}", [("A", False)]),
        ("{% if execute %}{{ env_var('A') }}{% endif %}", [("A", False)]),
        ("{% do log(env_var('A')) %}", [("A", True)]),
        ("{{ env_var('A' ~ 'B') }}", []),
        ("{{ env_var(name) }}", []),
        ("{# {{ env_var('A') }} #}", []),
        ("{% raw %}{{ env_var('A') }}{% endraw %}", []),
        ("{{ \"env_var('A')\" }}", []),
        ("{{ other.env_var('A') }}", []),
        ("{{ env_var('A') ", []),
    ],
)
def test_a_text(text: str, expected: list[tuple[str, bool]]):
    assert sorted((each.name, each.needed) for each in asked(text)) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"a": {"b": ["x", {"c": "{{ env_var('A') }}"}]}},
        {"{{ env_var('KEY') }}": "{{ env_var('A') }}"},
        ["{{ env_var('A') }}", 1, None, True],
    ],
)
def test_anything_that_yaml_can_hold(value: Any):
    assert [*asked(value)] == [EnvVarCall("A", needed=True)]


def test_the_files_that_dbt_renders(tmp_path: Path):
    """A comment asks for nothing, nor does what dbt takes as it is written."""
    files = {
        "dbt_project.yml": """
            # {{ env_var('COMMENT') }}
            name: shop
            models: {shop: {+schema: "{{ env_var('SCHEMA') }}"}}
            on-run-start: ["{{ log(env_var('HOOK')) }}"]
            vars: {region: "{{ env_var('VARS') }}"}
        """,
        "packages.yml": """
            packages:
              - git: "https://{{ env_var('PACKAGES_TOKEN') }}@host/package"
        """,
        "selectors.yml": """
            selectors: [{name: some, definition: "{{ env_var('SELECTED', 'all') }}"}]
        """,
        "dependencies.yml": """
            packages: [{package: "{{ env_var('AS_IT_IS') }}"}]
        """,
        "models/schema.yml": "models: [{name: \"{{ env_var('MODEL') }}\"}]",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(dedent(text), encoding="utf-8")
    assert [*in_project(tmp_path)] == [
        ("dbt_project.yml", EnvVarCall("SCHEMA", needed=True)),
        ("dbt_project.yml", EnvVarCall("HOOK", needed=True)),
        ("packages.yml", EnvVarCall("PACKAGES_TOKEN", needed=True)),
        ("selectors.yml", EnvVarCall("SELECTED", needed=False)),
    ]


@pytest.mark.parametrize("content", [b"a: [", b"- a", b"", b"\xff\xfe", b"a: !!python/name:x"])
def test_a_file_that_is_wrong_asks_for_nothing(tmp_path: Path, content: bytes):
    (tmp_path / "dbt_project.yml").write_bytes(content)
    (tmp_path / "packages.yml").mkdir()
    assert [*in_project(tmp_path)] == []
