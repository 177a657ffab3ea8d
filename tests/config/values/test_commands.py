"""Commands that are split as the shell would split them."""

import pytest

from deploy_project.config.values.commands import CommandError, arguments, selection_flags
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


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--select state:modified", ["--select", "state:modified"]),
        (
            "-s state:modified+ tag:a --exclude b",
            ["-s", "state:modified+", "tag:a", "--exclude", "b"],
        ),
        ("--select='a b' --selector nightly", ["--select=a b", "--selector", "nightly"]),
        ("--resource-type model --vars '{a: 1}'", ["--resource-type", "model", "--vars", "{a: 1}"]),
    ],
)
def test_flags_that_select_are_split_as_the_shell_would(flags: str, words: list[str]):
    assert list(selection_flags(flags)) == words


@pytest.mark.parametrize(
    ("flags", "what", "found"),
    [
        ("", "is no option of dbt that selects nodes", "nothing"),
        ("state:modified", "is no option of dbt that selects nodes", "'state:modified'"),
        ("--select a --full-refresh", "is no option of dbt that selects nodes", "'--full-refresh'"),
        ("--select a --target=prod", "is no option of dbt that selects nodes", "'--target=prod'"),
        ("--select a --state x", "is no option of dbt that selects nodes", "'--state'"),
        ("--select a; rm -r /", "is more than one command, or needs a shell", "';'"),
        ("--select 'a", "can't be split into words: No closing quotation", "an open quote"),
    ],
)
def test_flags_that_do_more_than_select_are_refused(flags: str, what: str, found: str):
    with pytest.raises(CommandError) as refused:
        selection_flags(flags)
    assert (refused.value.what, refused.value.found) == (what, found)
