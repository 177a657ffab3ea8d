"""Writing small files that others read and write at the same time."""

import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest

from deploy_project.config import small_files
from deploy_project.config.small_files import replacing, write_text

WRITER = """
import sys
from pathlib import Path
from deploy_project.config.small_files import write_text
for number in range(200):
    write_text(Path(sys.argv[1]), f"{sys.argv[2]} {number}\\n" * 1000)
"""


def test_the_text_is_there_and_nothing_else(tmp_path: Path):
    write_text(tmp_path / "known", "Größe 1\n")
    write_text(tmp_path / "known", "Größe 2\n")
    assert (tmp_path / "known").read_text("utf-8") == "Größe 2\n"
    assert os.listdir(tmp_path) == ["known"]


def test_processes_that_write_one_file_all_succeed_and_a_reader_sees_whole_ones(tmp_path: Path):
    """With a fixed temporary name, one process moved away what another was about to move."""
    file = tmp_path / "state.json"
    write_text(file, "first 0\n" * 1000)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), name], stderr=subprocess.PIPE, text=True
        )
        for name in ("one", "two", "three")
    ]
    seen: set[str] = set()
    while any(each.poll() is None for each in writers):
        seen.add(file.read_text("utf-8"))
    assert [each.communicate()[1] for each in writers] == ["", "", ""]
    assert [each.returncode for each in writers] == [0, 0, 0]
    assert all(text == text[: text.index("\n") + 1] * 1000 for text in seen)
    assert file.read_text("utf-8").split()[1] == "199"
    assert os.listdir(tmp_path) == ["state.json"]


def test_threads_that_write_one_file_all_succeed(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        texts = [f"{number}" * 100 for number in range(600)]
        list(pool.map(write_text, repeat(tmp_path / "state.json"), texts))
    assert (tmp_path / "state.json").read_text("utf-8") in texts
    assert os.listdir(tmp_path) == ["state.json"]


@contextmanager
def umask(value: int) -> Generator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_who_may_read_it_is_said_by_the_umask(tmp_path: Path, mask: int, mode: int):
    """Made by `mkstemp`, the pointers could be read by nobody but the user of the daemon."""
    with umask(mask):
        write_text(tmp_path / "docs.json", "{}")
    assert (tmp_path / "docs.json").stat().st_mode & 0o777 == mode


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path):
    write_text(tmp_path / "state.json", "old")

    def fail() -> None:
        with replacing(tmp_path / "state.json") as beside:
            beside.write_text("half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert (tmp_path / "state.json").read_text("utf-8") == "old"
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_name_of_any_length_can_be_written(tmp_path: Path):
    write_text(tmp_path / ("n" * 255), "long")
    assert os.listdir(tmp_path) == ["n" * 255]


def test_it_is_the_only_door():
    """Seven places wrote small files beside and renamed them, one of them wrong."""
    package = Path(small_files.__file__).parents[1]
    spellings = ("os.replace", "mkstemp", "NamedTemporaryFile", '.making"')
    found = {
        (file.relative_to(package).as_posix(), spelling)
        for file in package.rglob("*.py")
        for spelling in spellings
        if spelling in file.read_text("utf-8")
    }
    assert found == set()
