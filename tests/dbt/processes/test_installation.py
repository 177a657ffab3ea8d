"""Isolated environments, made by the real uv from packages that stand for dbt."""

import os
import signal
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from filelock import FileLock

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes import uv
from deploy_project.dbt.processes.installation import (
    Installation,
    at_hand,
    installation,
    specifier,
    verify,
)
from deploy_project.errors import DbtError, VersionError
from deploy_project.processes import deadlines
from tests.support.running.processes import nothing_is_left
from tests.support.servers.hollow_server import mute
from tests.support.servers.package_index import index
from tests.support.waiting import wait

HERE = f"python{sys.version_info[0]}.{sys.version_info[1]}"
BESIDE = metadata.version("dbt-core")
MAKER = """
import sys
from pathlib import Path
from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes import uv
from deploy_project.dbt.processes.installation import installation

if len(sys.argv) > 2:
    uv.find_uv_bin = lambda: sys.argv[2]
print(installation("1.9", "fake", StateDirectory(Path(sys.argv[1]))).dbt_version)
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StateDirectory:
    index(tmp_path / "index", monkeypatch)
    return StateDirectory(tmp_path / "state")


def made(state: StateDirectory) -> list[str]:
    """The directories of isolated environments, half-made ones included."""
    place = state.dbt("any").parent
    return sorted(each.name for each in place.iterdir() if each.is_dir()) if place.exists() else []


def maker(state: StateDirectory, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKER, str(state.root), *arguments]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("version", "requirement"),
    [("1.10", "==1.10.*"), ("1.10.*", "==1.10.*"), ("1.10.3", "==1.10.3")],
)
def test_a_version_without_patch_is_any_patch(version: str, requirement: str):
    assert specifier(version) == requirement


@pytest.mark.parametrize("version", [None, BESIDE, BESIDE.rpartition(".")[0]])
def test_the_dbt_beside_us_is_taken_when_it_fits(state: StateDirectory, version: str | None):
    assert installation(version, "duckdb", state) == Installation(Path(sys.executable), BESIDE)
    verify(version, "duckdb", state)
    verify(version, None, state)
    assert made(state) == []


def test_a_version_is_installed_once_under_each_of_its_spellings(state: StateDirectory):
    first = installation("1.9", "fake", state)
    assert first.dbt_version == "1.9.4"
    assert first.python == uv.python(state.dbt(f"1.9.x-fake-{HERE}"))
    assert installation("1.9.*", "fake", state) == first
    assert installation("1.9.1", "fake", state).dbt_version == "1.9.1"
    assert made(state) == [f"1.9.1-fake-{HERE}", f"1.9.x-fake-{HERE}"]


def test_an_environment_that_is_there_needs_no_package_index(
    state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = installation("1.9", "fake", state)
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "gone"))
    assert installation("1.9", "fake", state) == first
    verify("1.9", "fake", state)


def test_an_adapter_may_come_in_another_ones_package(state: StateDirectory):
    assert installation("1.7", "mariadb", state).dbt_version == "1.7.3"


@pytest.mark.parametrize(
    ("version", "adapter", "words"),
    [
        ("1.99.*", "fake", "you require dbt-core==1.99.*"),
        ("1.9.3", "fake", "there is no version of dbt-core==1.9.3"),
        ("1.7.*", "fake", "you require dbt-fake"),
        ("1.9.*", "none", "dbt-none was not found"),
    ],
)
def test_an_impossible_version_leaves_nothing(
    state: StateDirectory, version: str, adapter: str, words: str
):
    with pytest.raises(VersionError) as raised:
        installation(version, adapter, state)
    first, *_, last = str(raised.value).splitlines()
    assert first.startswith(f"dbt {version} with dbt-{adapter} can't be installed: `uv pip ")
    assert words in " ".join(str(raised.value).split())
    assert last.startswith("Correct `dbt_version:` of the environment or job, or see")
    assert made(state) == []


def test_without_a_version_the_adapter_has_to_be_beside_us(state: StateDirectory):
    with pytest.raises(DbtError, match="type is 'fake', but dbt-fake is not installed beside dbt"):
        installation(None, "fake", state)
    with pytest.raises(DbtError, match="type is 'fake', but dbt-fake is not installed beside dbt"):
        verify(None, "fake", state)


def test_a_version_is_verified_without_installing_it(state: StateDirectory):
    verify("1.9", "fake", state)
    verify("1.9", None, state)
    with pytest.raises(VersionError, match=r"^dbt 1\.7 with dbt-fake can't be installed: `uv pip"):
        verify("1.7", "fake", state)
    with pytest.raises(VersionError, match=r"^dbt 1\.99\.\* can't be installed: "):
        verify("1.99.*", None, state)
    assert made(state) == []


@pytest.mark.parametrize(
    "variables",
    [
        {"UV_OFFLINE": "1"},
        {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"},
    ],
    ids=["no network", "nobody there"],
)
def test_an_index_that_is_away_says_nothing_about_a_version(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
):
    monkeypatch.delenv("UV_CONFIG_FILE")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        DbtError, match=r"^nobody can say whether dbt 1\.99\.\* with dbt-fake"
    ) as no:
        verify("1.99.*", "fake", state)
    assert not isinstance(no.value, VersionError)


def test_two_at_once_make_one(state: StateDirectory):
    makers = [maker(state) for _ in range(2)]
    ends = [process.communicate() for process in makers]
    assert [out for out, _ in ends] == ["1.9.4\n"] * 2, ends
    assert made(state) == [f"1.9.x-fake-{HERE}"]


def test_what_a_killed_one_has_left_is_cleared_by_the_next(state: StateDirectory, tmp_path: Path):
    """The stand-in for uv makes a directory and then takes for ever, as a slow network does."""
    slow, number = tmp_path / "uv", tmp_path / "pid"
    lines = ["#!/bin/sh", 'for last; do :; done; mkdir "$last"', f"echo $$ > {number}.new"]
    slow.write_text("\n".join([*lines, f"mv {number}.new {number}", "exec sleep 3600", ""]))
    slow.chmod(0o755)
    with maker(state, str(slow)) as killed:
        wait(number.exists)
        killed.kill()
        os.kill(int(number.read_text()), signal.SIGKILL)
    (left,) = made(state)
    assert left.startswith(".making-")
    assert installation("1.9", "fake", state).dbt_version == "1.9.4"
    assert made(state) == [f"1.9.x-fake-{HERE}"]


def test_an_environment_whose_python_is_gone_is_made_again(state: StateDirectory):
    """After an upgrade of the machine's Python the environment stayed in the way of a new one."""
    found = installation("1.9", "fake", state)
    found.python.unlink()
    found.python.symlink_to("/nowhere/python")
    assert installation("1.9", "fake", state) == found
    assert found.python.exists()


def test_an_environment_that_somebody_has_emptied_is_told(state: StateDirectory):
    found = installation("1.9", "fake", state)
    for file in found.python.parents[1].glob("lib/*/site-packages/dbt_core-*/METADATA"):
        for each in file.parent.iterdir():
            each.unlink()
        file.parent.rmdir()
    with pytest.raises(DbtError, match=r"there is no dbt in .* any more; delete it"):
        installation("1.9", "fake", state)


def test_an_index_that_never_answers_holds_nobody_up_for_longer_than_they_have(
    state: StateDirectory, monkeypatch: pytest.MonkeyPatch
):
    """Uv went on for a quarter of an hour, whatever the job's timeout was."""
    with mute() as url:
        monkeypatch.setenv("UV_CONFIG_FILE", "/dev/null")
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
            monkeypatch.setenv(name, url)
        with deadlines.within(5), pytest.raises(DbtError, match="failed to end before the time"):
            installation("1.9.*", "fake", state)
        assert nothing_is_left(str(state.root))
    assert made(state) == []


def test_an_environment_that_another_process_makes_is_waited_for_until_the_deadline(
    state: StateDirectory,
):
    root = state.dbt(f"1.9.x-fake-{HERE}")
    root.parent.mkdir(parents=True)
    with (
        FileLock(root.with_name(f"{root.name}.lock")),
        deadlines.within(2),
        pytest.raises(DbtError, match=r"waited \d+ seconds for another process, which is making"),
    ):
        installation("1.9.*", "fake", state)


def test_a_dbt_is_at_hand_where_only_one_can_be_meant(state: StateDirectory):
    """The adapter is known only from the commit: so the import need not wait for that."""
    assert at_hand(None, state) == Path(sys.executable)
    assert at_hand("1.10.*", state) is None
    pythons = [
        state.dbt(f"1.10.x-{adapter}-{HERE}") / "bin" / "python"
        for adapter in ("duckdb", "postgres")
    ]
    for each in pythons:
        each.parent.mkdir(parents=True)
    pythons[0].touch()
    assert at_hand("1.10.*", state) == pythons[0]
    assert at_hand("1.10", state) == pythons[0]
    assert at_hand("1.1", state) is None
    pythons[1].touch()
    assert at_hand("1.10.*", state) is None
