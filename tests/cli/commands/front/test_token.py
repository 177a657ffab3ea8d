import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy_project.api.auth.last_use import LastUse
from deploy_project.cli import main
from deploy_project.config.resolve.loading import load_deployment
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.tokens import PERMISSIONS, digest
from tests.support.deployments.configuration_files import DEPLOY, Configuration


def test_the_lines_and_the_token_fit_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    wishes = ["--permission", "job_runner", "--permission", "override_code", "--project", "sh*"]
    wishes += ["--environment", "production", "--expires", "2099-06-30T18:00+02:00"]
    assert main(["token", "create", "airflow", *wishes]) == 0
    printed = capsys.readouterr()
    assert re.fullmatch(r"dpt_[A-Za-z0-9_-]{43}\n", printed.out)
    token = printed.out.strip()
    assert token not in printed.err, "a terminal's log, or a pipe, has it once"
    lines = printed.err[printed.err.index("tokens:") : printed.err.index("\n\nThe token")]
    configuration = Configuration(tmp_path)
    configuration.write({"deploy.yaml": f"{DEPLOY}{lines}\n"})
    found = load_deployment(tmp_path / "deploy.yaml", state=tmp_path / "state").tokens["airflow"]
    assert found.sha256 == digest(token)
    assert found.permissions == {"job_runner", "override_code"}
    assert (found.projects, found.environments) == (("sh*",), ("production",))
    assert found.expires == datetime(2099, 6, 30, 16, tzinfo=UTC)


def test_no_two_tokens_are_alike_and_nothing_is_kept(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    made: set[str] = set()
    for _ in range(20):
        assert main(["token", "create", "ci", "--permission", "job_viewer"]) == 0
        made.add(capsys.readouterr().out)
    assert len(made) == 20
    assert not list(here.iterdir())


@pytest.mark.parametrize("wrong", [[], ["--permission", "owner"], ["--permission", ""]])
def test_a_token_needs_permissions_that_there_are(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as ended:
        main(["token", "create", "ci", *wrong])
    assert ended.value.code == 2
    assert "--permission" in capsys.readouterr().err


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_each_permission_can_be_given(permission: str, capsys: pytest.CaptureFixture[str]):
    assert main(["token", "create", "ci", "--permission", permission]) == 0
    assert f'permissions: ["{permission}"]' in capsys.readouterr().err


def test_the_list_tells_the_end_and_the_last_use_of_each(
    here: Path, capsys: pytest.CaptureFixture[str]
):
    tokens = f"""
tokens:
  airflow: {{sha256: {digest("a")}, permissions: [job_runner], projects: [shop]}}
  old: {{sha256: {digest("b")}, permissions: [job_viewer, override_code], expires: 2020-01-02}}
"""
    Configuration(here).write({"deploy.yaml": f"{DEPLOY}{tokens}"})
    used = LastUse(StateDirectory(here / ".deploy"))
    used.note("airflow", datetime(2026, 3, 2, 6, 30, tzinfo=UTC))
    used.end()
    assert main(["token", "list"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split("  ")[0] == "TOKEN"
    assert [each.strip() for each in first.split("  ") if each] == [
        *("airflow", "job_runner", "shop", "*", "2026-03-02 06:30 UTC"),
    ]
    assert [each.strip() for each in second.split("  ") if each] == [
        *("old", "job_viewer, override_code", "*", "*"),
        *("2020-01-02 00:00 UTC (has expired)", "never"),
    ]


def test_the_list_of_none_says_how_to_make_one(here: Path, capsys: pytest.CaptureFixture[str]):
    Configuration(here).write({"deploy.yaml": DEPLOY})
    assert main(["token", "list"]) == 0
    assert "token create" in capsys.readouterr().out
