"""What a stranger's process has left is plain, and has bounds, before anybody reads it."""

import os
import socket
from pathlib import Path

import pytest

from deploy_project.dbt.processes import left_behind
from deploy_project.dbt.processes.left_behind import make_plain
from deploy_project.errors import DbtError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "place"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "file").write_text("plain", encoding="utf-8")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("precious", encoding="utf-8")
    return made


def names(place: Path) -> list[str]:
    return sorted(str(each.relative_to(place)) for each in place.rglob("*"))


def test_plain_files_stay(place: Path):
    make_plain([place])
    assert names(place) == ["deep", "deep/file"]


@pytest.mark.parametrize(
    "target", ["../outside/secret", "../outside", "/etc/passwd", "nowhere", "itself", ".."]
)
def test_a_link_that_leads_elsewhere_is_deleted_and_its_target_is_not(place: Path, target: str):
    (place / "itself").symlink_to(target)
    make_plain([place])
    assert names(place) == ["deep", "deep/file"]
    assert (place.parent / "outside" / "secret").read_text(encoding="utf-8") == "precious"


def test_a_link_that_stays_inside_stays(place: Path):
    (place / "inside").symlink_to("deep/file")
    (place / "chain").symlink_to("inside")
    make_plain([place])
    assert names(place) == ["chain", "deep", "deep/file", "inside"]


def test_a_chain_of_links_counts_by_its_end(place: Path):
    (place / "first").symlink_to("deep/second")
    (place / "deep" / "second").symlink_to("../../outside/secret")
    make_plain([place])
    assert names(place) == ["deep", "deep/file"]


def test_pipes_devices_and_sockets_are_deleted(place: Path):
    os.mkfifo(place / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "deep" / "socket"))
    make_plain([place])
    assert names(place) == ["deep", "deep/file"]


def test_what_is_too_large_is_told_and_gone(place: Path):
    with (place / "large").open("wb") as file:
        file.truncate(left_behind.LARGEST + 1)  # it has holes, and takes no room
    with pytest.raises(DbtError, match="a file of 536,870,913 bytes"):
        make_plain([place])
    assert names(place) == ["deep", "deep/file"]


def test_a_large_log_is_emptied(tmp_path: Path):
    with (tmp_path / "dbt.log").open("wb") as file:
        file.truncate(left_behind.LARGEST + 1)
    with pytest.raises(DbtError, match="a file of"):
        make_plain([tmp_path / "dbt.log"])
    assert (tmp_path / "dbt.log").stat().st_size == 0


def test_a_database_may_be_large(place: Path):
    with (place / "shop.duckdb").open("wb") as file:
        file.truncate(left_behind.LARGEST + 1)
    make_plain([], unread=[place])
    assert "shop.duckdb" in names(place)


def test_a_directory_of_any_depth_is_deleted(place: Path):
    """Python's own way to delete it calls itself for each level, and so fails."""
    here = os.open(place, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    with pytest.raises(DbtError, match="levels of directories"):
        make_plain([place])
    assert max(each.count("/") for each in names(place)) <= left_behind.DEEPEST
    make_plain([place])


def test_too_many_files_are_told_and_the_rest_is_gone(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(left_behind, "MOST_FILES", 10)
    for number in range(20):
        (place / f"{number}").touch()
    with pytest.raises(DbtError, match="more than 10 files"):
        make_plain([place])
    assert len(names(place)) <= 10


def test_what_nobody_may_read_can_be_read_and_deleted(place: Path):
    (place / "closed").mkdir()
    (place / "closed" / "file").write_text("x", encoding="utf-8")
    (place / "closed" / "file").chmod(0)
    make_plain([place])
    assert (place / "closed" / "file").stat().st_mode & 0o400
