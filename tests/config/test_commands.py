"""Commands that are split as the shell would split them."""

import pytest

from deploy_project.config.commands import CommandError, arguments
from deploy_project.errors import ConfigError


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("dbt build", ("build",)),
        ("  dbt   build  ", ("build",)),
        ("dbt --warn-error build", ("--warn-error", "build")),
        ("dbt run --select 'a b' \"c\"", ("run", "--select", "a b", "c")),
        ("dbt run --select tag:a,+b @c 2+d+3", ("run", "--select", "tag:a,+b", "@c", "2+d+3")),
        (
            "dbt run --vars '{a: \"b && c; $(d) `e`\"}'",
            ("run", "--vars", '{a: "b && c; $(d) `e`"}'),
        ),
        ('dbt run --vars "{a: \\"b > c\\"}"', ("run", "--vars", '{a: "b > c"}')),
        ("dbt run --select a\\;b", ("run", "--select", "a;b")),
        ("dbt run --select 'it'\"'s'\"", ("run", "--select", "it's'")),
        ("dbt run \\\n  --select a", ("run", "\n", "--select", "a")),
        ("dbt run\n  --select dbt_a", ("run", "--select", "dbt_a")),
        ("dbt docs generate --empty-catalog", ("docs", "generate", "--empty-catalog")),
    ],
)
def test_arguments(command: str, expected: tuple[str, ...]) -> None:
    assert arguments(command) == expected


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("dbt run 'a' && dbt test", "'&&'"),
        ("dbt run 'a;b';", "';'"),
        ('dbt run "it\'s" > a', "'>'"),
        ("dbt run &", "'&'"),
        ("dbtf run", "'dbtf'"),
        ("DBT_A=1 dbt run", "'DBT_A=1'"),
    ],
)
def test_what_is_refused(command: str, found: str) -> None:
    with pytest.raises(CommandError) as raised:
        arguments(command)
    assert raised.value.found == found


def test_the_error_says_what_to_do() -> None:
    with pytest.raises(ConfigError) as raised:
        arguments("dbt run --project-dir elsewhere")
    assert str(raised.value) == (
        "the command has an option that the run sets, found '--project-dir'; leave it out"
    )
