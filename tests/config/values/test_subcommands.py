"""Which word of a command is dbt's subcommand, and which commands no job can run."""

from collections.abc import Iterator

import click
import pytest

from deploy_project.config.values.subcommands import (
    OPTIONS_WITH_VALUE,
    SUBCOMMANDS,
    subcommand,
    unrunnable,
)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["build"], ("build",)),
        (["--quiet", "build", "--select", "test"], ("build",)),
        (["--log-level", "debug", "build"], ("build",)),
        (["--log-level=debug", "run"], ("run",)),
        (["--warn-error-options", '{"error": ["run"]}', "test"], ("test",)),
        (["-t", "test", "--no-partial-parse", "build"], ("build",)),
        (["--profile", "source", "seed"], ("seed",)),
        (["--fail-fast", "-x", "snapshot"], ("snapshot",)),
        (["docs", "generate", "--no-compile"], ("docs", "generate")),
        (["--quiet", "docs", "--log-format", "json", "generate"], ("docs", "generate")),
        (["source", "snapshot-freshness"], ("source", "snapshot-freshness")),
        (["docs"], ("docs",)),
        (["run-operation", "generate"], ("run-operation",)),
        (["buid", "test"], ("buid",)),
        (["--target", "build"], ()),
        ([], ()),
    ],
)
def test_options_and_their_values_are_passed_over(arguments: list[str], expected: tuple[str, ...]):
    """`dbt --log-level debug build` was taken for `dbt debug`."""
    assert subcommand(arguments) == expected


@pytest.mark.parametrize(
    "command",
    [
        *("build", "run", "test", "seed", "snapshot", "compile", "parse", "deps", "clean", "debug"),
        *("list", "ls --output json", "clone", "retry", "run-operation grant --args '{a: init}'"),
        *("show --inline 'select 1'", "docs generate", "--quiet docs generate"),
        *("source freshness", "source snapshot-freshness", "source --quiet freshness"),
        *("--target init build", "-t serve docs generate"),
    ],
)
def test_jobs_can_run_what_dbt_has(command: str):
    assert unrunnable(command.split()) is None


@pytest.mark.parametrize(
    ("command", "what", "found", "remedy"),
    [
        ("buid", "`dbt`", "buid", "did you mean `dbt build`?"),
        ("BUILD", "`dbt`", "BUILD", "did you mean `dbt build`?"),
        ("sedd --full-refresh", "`dbt`", "sedd", "did you mean `dbt seed`?"),
        ("run_operation grant", "`dbt`", "run_operation", "did you mean `dbt run-operation`?"),
        ("--log-level debug tset", "`dbt`", "tset", "did you mean `dbt test`?"),
        ("freshness", "`dbt`", "freshness", "did you mean `dbt source freshness`?"),
        (
            "snapshot-freshness",
            *("`dbt`", "snapshot-freshness", "did you mean `dbt source snapshot-freshness`?"),
        ),
        ("docs-generate", "`dbt`", "docs-generate", "did you mean `dbt docs generate`?"),
        ("docs generat", "`dbt docs`", "generat", "did you mean `dbt docs generate`?"),
        ("docs build", "`dbt docs`", "build", "write `dbt docs generate`"),
        ("source fresh", "`dbt source`", "fresh", "did you mean `dbt source freshness`?"),
    ],
)
def test_a_slip_is_told_with_the_command_that_was_meant(
    command: str, what: str, found: str, remedy: str
):
    fault = unrunnable(command.split())
    assert fault is not None
    assert fault.what == f"is no subcommand of {what}"
    assert (fault.found, fault.remedy) == (repr(found), remedy)


@pytest.mark.parametrize("word", ["cloud", "rpc", "serve-docs", "", "\n"])
def test_what_resembles_no_command_is_told_with_all_there_are(word: str):
    fault = unrunnable([word, "x"])
    assert fault is not None
    assert (fault.what, fault.found) == ("is no subcommand of `dbt`", repr(word))
    assert fault.remedy.startswith("write `dbt build`, `dbt clean`, ")
    assert "`dbt docs generate`" in fault.remedy
    assert "init" not in fault.remedy
    assert "serve" not in fault.remedy


@pytest.mark.parametrize(
    ("command", "what", "found"),
    [
        ("docs serve --port 80", "never ends", "'dbt docs serve'"),
        ("--quiet docs serve", "never ends", "'dbt docs serve'"),
        ("init shop", "makes a new project, and asks a person how", "'dbt init'"),
        (
            "sl validate --select state:modified+",
            "is a command of dbt Cloud's or Fusion's command line, which dbt Core does not have",
            "'dbt sl'",
        ),
        (
            "lsp --socket 8080",
            "is a command of dbt Cloud's or Fusion's command line, which dbt Core does not have",
            "'dbt lsp'",
        ),
        ("docs", "names no subcommand of `dbt docs`", "'dbt docs'"),
        ("source --quiet", "names no subcommand of `dbt source`", "'dbt source'"),
    ],
)
def test_what_never_ends_or_needs_a_person_or_lacks_a_word(command: str, what: str, found: str):
    fault = unrunnable(command.split())
    assert fault is not None
    assert (fault.what, fault.found) == (what, found)


def groups(command: click.Group) -> Iterator[click.Group]:
    yield command
    for each in command.commands.values():
        if isinstance(each, click.Group):
            yield from groups(each)


def test_the_table_is_that_of_dbts_own_command_line():
    from dbt.cli.main import cli  # heavy, and nothing of ours may import it

    known = {
        name: frozenset(each.commands) if isinstance(each, click.Group) else frozenset()
        for name, each in cli.commands.items()
    }
    assert known == SUBCOMMANDS
    with_value = {
        name
        for group in groups(cli)
        for option in group.params
        if isinstance(option, click.Option) and not option.is_flag and not option.count
        for name in (*option.opts, *option.secondary_opts)
    }
    assert with_value == OPTIONS_WITH_VALUE
