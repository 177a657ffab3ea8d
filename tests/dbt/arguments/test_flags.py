"""Which flags dbt gets: the user's, those that a run sets over them, and those of our commands."""

import shlex
from typing import Any

import pytest

from deploy_project.dbt.arguments import flags

SAID = "Set over by the run, which keeps dbt's artifacts and its whole debug log: "
JSON = {"DBT_WRITE_JSON": "true"}


@pytest.mark.parametrize(
    ("command", "variables", "project", "arguments", "told", "note"),
    [
        ("build", {}, {}, "build", {}, ""),
        ("build", {"DBT_REGION": "eu"}, {"fail_fast": True}, "build", {"DBT_REGION": "eu"}, ""),
        ("--no-write-json build", {}, {}, "build", {}, "`--no-write-json`"),
        ("build --no-write-json -s a", {}, {}, "build -s a", {}, "`--no-write-json`"),
        ("--write-json build", {}, {"write_json": True}, "build", {}, ""),
        ("build", {}, {"write_json": False}, "build", {}, "`write_json: false`"),
        ("build", {"DBT_WRITE_JSON": "0"}, {}, "build", {}, "`DBT_WRITE_JSON`"),
        ("build", {"DBT_ENGINE_WRITE_JSON": "False"}, {}, "build", {}, "`DBT_ENGINE_WRITE_JSON`"),
        ("build", {"DBT_ENGINE_WRITE_JSON": "1"}, {}, "build", {}, ""),
        (
            "--no-write-json build --log-level-file error --log-file-max-bytes=0",
            {"DBT_LOG_FORMAT_FILE": "json"},
            {"use_colors_file": True, "write_json": False},
            "build",
            {"DBT_LOG_FORMAT_FILE": "json"},
            "`--no-write-json --log-level-file error --log-file-max-bytes=0`, "
            "`write_json: false`, `use_colors_file: true`, `DBT_LOG_FORMAT_FILE`",
        ),
        (
            "build",
            {"DBT_LOG_PATH": "/x", "DBT_ENGINE_TARGET_PATH": "/y"},
            {},
            "build",
            {"DBT_LOG_PATH": "/x", "DBT_ENGINE_TARGET_PATH": "/y"},
            "`DBT_ENGINE_TARGET_PATH`, `DBT_LOG_PATH`",
        ),
        ("-q build", {"DBT_LOG_FORMAT": "json"}, {}, "-q build", {"DBT_LOG_FORMAT": "json"}, ""),
        ("build", {}, {"use_colors": True}, "build", {"DBT_USE_COLORS": "true"}, ""),
        (
            "build",
            {"DBT_USE_COLORS": "0"},
            {"use_colors": True, "send_anonymous_usage_stats": True},
            "build",
            {"DBT_USE_COLORS": "0", "DBT_SEND_ANONYMOUS_USAGE_STATS": "true"},
            "",
        ),
        (
            "--warn-error build",
            {},
            {},
            "--warn-error build",
            {"DBT_PARTIAL_PARSE": "false"},
            "",
        ),
        (
            "run --warn-error-options '{error: all}' --partial-parse",
            {},
            {},
            "run --warn-error-options '{error: all}' --partial-parse",
            {},
            "",
        ),
        ("--warn-error run", {}, {"partial_parse": True}, "--warn-error run", {}, ""),
        (
            "run-operation load --args '{a: --no-write-json}'",
            {},
            {},
            "run-operation load --args '{a: --no-write-json}'",
            {},
            "",
        ),
    ],
)
def test_a_users_command_is_told_what_they_say_but_what_a_run_needs(
    command: str,
    variables: dict[str, str],
    project: dict[str, Any],
    arguments: str,
    told: dict[str, str],
    note: str,
):
    found = flags.of_a_step(shlex.split(command), variables, project)
    assert found.arguments == tuple(shlex.split(arguments))
    assert found.variables == {**told, **JSON}
    assert found.notes == ((f"{SAID}{note}",) if note else ())


LOUD = {
    "DBT_LOG_FORMAT": "json",
    "DBT_ENGINE_LOG_LEVEL": "none",
    "DBT_NO_PRINT": "true",
    "DBT_ENGINE_NO_PRINT": "true",
    "DBT_QUIET": "true",
    "DBT_ENGINE_DEBUG": "true",
    "DBT_WRITE_JSON": "false",
    "DBT_USE_COLORS": "true",
}
OURS = {
    "DBT_USE_COLORS": "false",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_LOG_FORMAT": "default",
    "DBT_LOG_LEVEL": "info",
    "DBT_LOG_CACHE_EVENTS": "false",
    "DBT_DEBUG": "false",
    "DBT_QUIET": "false",
    "DBT_PRINT": "true",
    "DBT_UPLOAD_TO_ARTIFACTS_INGEST_API": "false",
    "DBT_WRITE_JSON": "true",
}
CALM, NO_OPTIONS = {"DBT_WARN_ERROR": "false"}, {"DBT_WARN_ERROR_OPTIONS": "{}"}
STRICT = {"DBT_ENGINE_WARN_ERROR_OPTIONS": '{"error": "all"}'}


@pytest.mark.parametrize(
    ("command", "variables", "project", "more"),
    [
        ("parse", LOUD, {}, {}),
        (
            "deps",
            {"DBT_WARN_ERROR": "true", "PLAIN": "x"},
            {},
            {"DBT_WARN_ERROR": "true", "PLAIN": "x"},
        ),
        ("parse", {"DBT_PARTIAL_PARSE": "false"}, {}, {"DBT_PARTIAL_PARSE": "false"}),
        ("ls --quiet", LOUD, {"warn_error": True}, CALM),
        ("--quiet run-operation tell", {"DBT_WARN_ERROR": "true"}, {}, CALM),
        ("ls", {}, {"warn_error_options": {"error": "all"}}, NO_OPTIONS),
        ("--quiet show --inline x", STRICT, {}, NO_OPTIONS),
        (
            "ls",
            {"DBT_INDIRECT_SELECTION": "empty"},
            {},
            {"DBT_INDIRECT_SELECTION": "empty", **CALM},
        ),
    ],
)
def test_a_command_of_our_own_can_be_read_whatever_the_user_says(
    command: str, variables: dict[str, str], project: dict[str, Any], more: dict[str, str]
):
    assert flags.of_our_own(command.split(), variables, project) == {**OURS, **more}


def test_what_is_ours_goes_over_every_name_that_dbt_has_for_it():
    """In dbt 1.11 `DBT_ENGINE_TARGET_PATH` won over the target directory of the step."""
    given = {"DBT_ENGINE_TARGET_PATH": "/x", "DBT_ARTIFACT_STATE_PATH": "/y", "DBT_X": "kept"}
    ours = {"DBT_TARGET_PATH": "/target", "DBT_STATE": "/state"}
    assert flags.over(given, ours) == {"DBT_X": "kept", **ours}


@pytest.mark.parametrize(
    ("project", "profiles", "expected"),
    [
        ({"flags": {"quiet": True}}, {}, {"quiet": True}),
        ({}, {"config": {"quiet": True}}, {"quiet": True}),
        ({"flags": {"debug": True}}, {"config": {"quiet": True}}, {"debug": True}),
        ({"flags": None}, {}, {}),
        ({"flags": "no mapping"}, {"config": 7}, {}),
    ],
)
def test_where_a_projects_flags_are(
    project: dict[str, Any], profiles: dict[str, Any], expected: dict[str, Any]
):
    assert flags.project_flags(project, profiles) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("build -s a --fail-fast", ""),
        ("-q build --log-format json -s a", "-q --log-format json"),
        ("--log-level=none run --no-print --printer-width 200 --vars {a: b}", None),
    ],
)
def test_what_decides_what_a_command_shows(command: str, expected: str | None):
    expected = "--log-level=none --no-print --printer-width 200" if expected is None else expected
    assert " ".join(flags.of_the_console(command.split())) == expected


@pytest.mark.parametrize(
    ("command", "parsing"),
    [
        ("build --select a+ --exclude b", ""),
        ("build --vars {x:1} --select a", "--vars {x:1}"),
        ("build --select a -t ci --vars={x:1} --full-refresh", "-t ci --vars={x:1}"),
        ("--warn-error build --no-partial-parse -s a", "--warn-error --no-partial-parse"),
    ],
)
def test_what_decides_what_a_command_parses(command: str, parsing: str):
    found, others = flags.PARSING.divided(command.split())
    assert " ".join(found) == parsing
    assert sorted([*found, *others]) == sorted(command.split())


@pytest.mark.parametrize(
    ("variables", "project", "refuses"),
    [
        ({}, {}, False),
        ({}, {"warn_error": False}, True),
        ({}, {"warn_error": True}, False),
        ({"DBT_WARN_ERROR": "true"}, {"warn_error": False}, False),
        ({"DBT_WARN_ERROR": "0"}, {}, True),
        ({"DBT_ENGINE_WARN_ERROR": "false"}, {"warn_error": True}, True),
    ],
)
def test_dbt_retry_does_not_start_with_warn_error_off(
    variables: dict[str, str], project: dict[str, Any], refuses: bool
):
    assert flags.refuses_retry(variables, project) is refuses
