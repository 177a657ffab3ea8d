import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from deploy_project.cli import main
from deploy_project.cli.parser import parser
from tests.cli.configure import Configure

COMMANDS = ("init", "demo", "check", "deploy", "serve", "run", "retry", "cancel", "runs", "logs")
ONE = """
    projects: {shop: {repository: /nowhere/shop.git}}
    environments: {prod: {branch: main}}
"""
NO_JOBS = "jobs: {}"


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]):
    assert exit_code(command, "--help") == 0
    assert f"example:\n  deploy-project {command}" in capsys.readouterr().out


def test_the_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]):
    assert exit_code("--help") == 0
    printed = capsys.readouterr().out
    assert all(f"\n    {command} " in printed for command in COMMANDS)
    assert all(f"\n  {code} " in printed for code in (0, 1, 2, 3, 130))


def test_the_version(capsys: pytest.CaptureFixture[str]):
    assert exit_code("--version") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"deploy-project {metadata.version('deploy-project')}, dagster ")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("init",),
        ("run",),
        ("retry",),
        ("retry", "3f2a", "--from-start", "--select", "orders"),
        ("runs", "--status", "fine"),
        ("runs", "--limit", "0"),
        ("logs", "3f2a", "--step", "x"),
        ("serve", "--port", "65536"),
        ("deploy", "--commit", "0" * 40),
        ("deploy", "prod", "staging", "--commit", "0" * 40),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...]):
    assert exit_code(*arguments) == 2


def test_run_understands_all_it_may_be_given():
    given = parser().parse_args(["run", "daily", "--cause", "why", "--branch", "b", "--wait"])
    assert (given.job, given.cause, given.commit, given.branch, given.wait) == (
        *("daily", "why", None, "b"),
        True,
    )


def test_a_deliberate_error_is_told_whole_without_a_traceback(
    configure: Configure, capsys: pytest.CaptureFixture[str]
):
    configure("projects: {shop: {}}\nenvironments: {prod: {branch: 1}}", NO_JOBS)
    assert main(["check"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "projects.shop.repository: is missing" in printed.err
    assert "environments.prod.branch: must be text" in printed.err
    assert "Traceback" not in printed.err


def test_an_unexpected_error_is_reported_with_its_traceback_in_a_file(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["init", "https://example.com/a.git", "--directory", "a\0b"]) == 3
    told = capsys.readouterr().err
    assert "deploy-project init failed in a way it should not" in told
    assert "ValueError" in told
    assert "Traceback" not in told
    (log,) = (here / ".deploy" / "errors").iterdir()
    assert str(log) in told
    assert "Traceback (most recent call last)" in log.read_text(encoding="utf-8")


def test_an_unexpected_error_is_reported_without_a_state_directory(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    (here / "file").touch()
    monkeypatch.setenv("DEPLOY_STATE", str(here / "file" / "state"))
    assert main(["init", "https://example.com/a.git", "--directory", "a\0b"]) == 3
    log = Path(capsys.readouterr().err.strip().rpartition("traceback: ")[2])
    assert "ValueError" in log.read_text(encoding="utf-8")


def test_the_variables_of_dotenv_count(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """`check` missed secrets that Dagster reads from .env."""
    monkeypatch.setenv("SHOP_TOKEN", "")
    monkeypatch.delenv("SHOP_TOKEN")
    secret = "token: {env: SHOP_TOKEN}"
    here = configure(ONE.replace("shop.git}", f"shop.git, {secret}}}"), NO_JOBS)
    assert main(["check"]) == 1
    assert "SHOP_TOKEN" in capsys.readouterr().err
    (here / ".env").write_text("SHOP_TOKEN=abc\n", encoding="utf-8")
    assert main(["check"]) == 0


def test_a_reader_that_has_seen_enough_is_no_error(configure: Configure):
    configure(ONE, NO_JOBS)
    done = subprocess.run(
        f"{sys.executable} -c 'import sys; from deploy_project.cli import main;"
        ' sys.exit(main(["check"]))\' | true; exit ${PIPESTATUS[0]}',
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
