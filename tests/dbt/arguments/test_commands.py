import pytest

from deploy_project.dbt.arguments.commands import (
    ListCommand,
    changes_warehouse,
    subcommand,
)


@pytest.mark.parametrize(
    ("command", "expected", "changes"),
    [
        ("build", "build", True),
        ("run --select orders", "run", True),
        ("test", "test", True),
        ("seed --full-refresh", "seed", True),
        ("snapshot", "snapshot", True),
        ("clone", "clone", True),
        ("retry", "retry", True),
        ("--quiet run", "run", True),
        ("--warn-error --no-partial-parse build", "build", True),
        ("--log-level debug build", "build", True),
        ("--target run compile", "compile", False),
        ("buid", None, False),
        ("compile", "compile", False),
        ("docs generate", "docs", False),
        ("source freshness", "source", False),
        ("run-operation grant", "run-operation", False),
        ("ls --resource-type model", "ls", False),
        ("show --inline 'select 1'", "show", False),
        ("deps", "deps", False),
        ("--version", None, False),
        ("", None, False),
    ],
)
def test_what_a_command_is(command: str, expected: str | None, changes: bool):
    arguments = tuple(command.split())
    assert subcommand(arguments) == expected
    assert changes_warehouse(arguments) is changes


@pytest.mark.parametrize(
    ("options", "parse"),
    [
        ("--select a+ --exclude b", ""),
        ("--vars {x:1} --select a", " --vars {x:1}"),
        ("--select a -t ci --vars={x:1}", " -t ci --vars={x:1}"),
        ("--select a", " --warn-error --no-partial-parse"),
    ],
)
def test_what_is_listed_is_parsed_as_the_command_will(options: str, parse: str):
    found = ListCommand(options.split(), ("unique_id", "schema"), parse.split()).commands()
    assert {name: " ".join(words) for name, words in found.items()} == {
        "parse": f"parse --quiet --no-write-json{parse}",
        "ls": f"ls --quiet --output json --output-keys unique_id schema {options}",
    }
