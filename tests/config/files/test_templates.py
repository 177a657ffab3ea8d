"""Files that are none, or too many: nothing is waited for, and nothing is read without end."""

import os
import socket
from pathlib import Path

import pytest

from deploy_project.config.environment import reveal
from deploy_project.config.small_files import NoTextError, text_of
from deploy_project.config.values.deployment import Secret
from deploy_project.errors import ConfigError
from tests.support.deployments.configuration_files import DEPLOY, Configuration


def test_text_is_read_as_text(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"a\r\nb\rc\n")
    assert text_of(tmp_path / "a") == "a\nb\nc\n"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/full", "/dev/random"])
def test_a_device_is_no_file(device: str):
    with pytest.raises(NoTextError, match="it is a device, no file"):
        text_of(Path(device))


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(NoTextError, match="it is a pipe, no file"):
        text_of(Path("pipe"))
    with pytest.raises(NoTextError, match="it is a directory, no file"):
        text_of(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(NoTextError, match="No such device or address"):
            text_of(Path("socket"))
    with pytest.raises(NoTextError, match="no file has such a name"):
        text_of(Path("a\0b"))
    with pytest.raises(NoTextError, match="File name too long"):
        text_of(Path("x" * 300))


def test_a_file_is_read_up_to_a_limit(tmp_path: Path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(NoTextError, match="it is larger than 1 MiB"):
        text_of(tmp_path / "large")


def test_the_line_that_is_not_utf_8(tmp_path: Path):
    (tmp_path / "latin").write_bytes("a\nb\nä".encode("latin-1"))
    with pytest.raises(NoTextError, match="it is not UTF-8") as raised:
        text_of(tmp_path / "latin")
    assert raised.value.line == 3


def test_a_secret_in_a_device(tmp_path: Path):
    """`{file: /dev/zero}` filled the memory."""
    secret = Secret(file=Path("/dev/zero"))
    with pytest.raises(ConfigError) as raised:
        reveal(secret, wanted_by="projects.shop.token")
    assert str(raised.value) == (
        "projects.shop.token: file '/dev/zero' can't be read: it is a device, no file; create it, "
        "readable by Dagster's user"
    )


FOUND = "searches too many files"


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("/**/*.yml", FOUND),
        ("x" * 5000, "matches no file"),
        ("/dev/zero", "matches no file"),
        ("loop/**/*.yml", FOUND),
    ],
)
def test_patterns(configuration: Configuration, pattern: str, what: str):
    loop = configuration.root / "loop"
    loop.mkdir()
    for name in ("a", "b"):
        (loop / name).symlink_to(loop)
    told = configuration.problems({"deploy.yaml": f"{DEPLOY}jobs: ['{pattern}']"})
    assert told[0].startswith(f"deploy.yaml:7: jobs.0: {what}, found '{pattern[:50]}")
    assert len(told) == 1


def test_too_many_files(configuration: Configuration):
    many = configuration.root / "many"
    many.mkdir()
    for number in range(1001):
        (many / f"{number}.yml").touch()
    assert configuration.problems({"deploy.yaml": f"{DEPLOY}jobs: [many]"}) == [
        f"deploy.yaml:7: jobs.0: {FOUND}, found 'many'; name the directory that they are in"
    ]
