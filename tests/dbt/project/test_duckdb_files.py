import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from deploy_project.dbt.project import duckdb_files
from deploy_project.dbt.project.duckdb_files import Copy, database_file, refresh
from deploy_project.dbt.project.rendering import Rendering
from deploy_project.errors import ConfigError, DbtError
from deploy_project.processes import deadlines
from tests.support.waiting import PATIENCE, wait


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    change(tmp_path / "shop.duckdb", "create table t as select 1 as a")
    return Copy(tmp_path / "shop.duckdb", tmp_path / "copies" / "shop.duckdb")


def change(file: Path, sql: str) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute(sql)


def content(file: Path) -> list[tuple[int]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute("select a from shop.t order by a").fetchall()


@contextmanager
def writing(file: Path, sql: str = "select 1") -> Generator[subprocess.Popen[str]]:
    """Another process that writes the file until its input is closed."""
    program = (
        "import sys, duckdb; c = duckdb.connect(sys.argv[1]); c.execute(sys.argv[2]); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file), sql],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({"type": "duckdb", "path": "/data/shop.duckdb"}, "/data/shop.duckdb"),
        ({"type": "duckdb", "path": "~/s.db"}, str(Path.home() / "s.db")),
        ({"type": "duckdb", "path": "{{ env_var('DBT_AT') }}/s.db"}, "/there/s.db"),
        ({"type": "duckdb", "path": "{{ env_var('DBT_NO', '/x') }}/s.db"}, "/x/s.db"),
        ({"type": "duckdb", "path": ":memory:"}, None),
        ({"type": "duckdb", "path": "md:shop"}, None),
        ({"type": "duckdb", "path": "ducklake:sqlite:a.db"}, None),
        ({"type": "duckdb", "path": "s3://bucket/shop.duckdb"}, None),
        ({"type": "duckdb"}, None),
        ({"type": "postgres", "path": "/data/shop.duckdb"}, None),
    ],
)
def test_the_file_of_a_connection(output: dict[str, str], expected: str | None):
    found = database_file(output, Rendering({"DBT_AT": "/there"}))
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{{ env_var('DBT_NO') }}", "wants the environment variable 'DBT_NO', which is not set"),
        ("{{ target.name }}.db", "can't be rendered: 'target' is undefined"),
        ("{{ ''.__class__.__mro__ }}", "can't be rendered: access to attribute"),
        ("{{ x", "can't be rendered: "),
    ],
)
def test_a_path_that_cannot_be_made_out_is_told(path: str, message: str):
    with pytest.raises(ConfigError) as raised:
        database_file({"type": "duckdb", "path": path}, Rendering({}))
    assert message in str(raised.value)


def test_a_copy_has_what_the_file_has_and_neither_sees_the_other_change(copy: Copy):
    refresh(copy, print)
    change(copy.copy, "insert into t values (2)")
    change(copy.source, "insert into t values (3)")
    assert content(copy.copy) == [(1,), (2,)]
    assert content(copy.source) == [(1,), (3,)]
    refresh(copy, print)
    assert content(copy.copy) == [(1,), (3,)]
    assert list(copy.copy.parent.iterdir()) == [copy.copy]


def test_a_copy_waits_for_a_writer_and_then_has_what_it_wrote(copy: Copy):
    said: list[str] = []
    with writing(copy.source, "insert into t values (2)") as process:
        assert process.stdin is not None
        waiting = threading.Thread(target=refresh, args=(copy, said.append))
        waiting.start()
        wait(lambda: said)
        assert not copy.copy.exists()
        process.stdin.close()
    waiting.join(PATIENCE)
    assert said == [f"Waiting until nobody writes {copy.source}"]
    assert content(copy.copy) == [(1,), (2,)]


def test_a_writer_that_goes_on_and_on_is_told(copy: Copy):
    with writing(copy.source), pytest.raises(DbtError, match="another process is writing it"):
        refresh(copy, print, patience=0)
    assert list(copy.copy.parent.iterdir()) == []


def test_readers_neither_wait_nor_are_waited_for(copy: Copy):
    with duckdb.connect(str(copy.source), read_only=True):
        program = (
            "import sys, pathlib; from deploy_project.dbt.project.duckdb_files import *; "
            "refresh(Copy(*map(pathlib.Path, sys.argv[1:])), print, patience=0)"
        )
        paths = [str(copy.source), str(copy.copy)]
        subprocess.run([sys.executable, "-c", program, *paths], check=True, timeout=PATIENCE)
    assert content(copy.copy) == [(1,)]


def test_what_a_killed_writer_has_committed_is_copied_too(copy: Copy):
    with writing(copy.source, "insert into t values (2)") as process:
        process.kill()
    assert copy.source.with_name("shop.duckdb.wal").exists()
    refresh(copy, print)
    assert content(copy.copy) == [(1,), (2,)]


def test_a_file_that_changes_while_it_is_copied_is_copied_again(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
):
    from deploy_project.dbt.project import duckdb_files

    clone, changed = duckdb_files._clone, [False]

    def meanwhile(source: Path, destination: Path) -> None:
        clone(source, destination)
        if not changed[0]:
            changed[0] = True
            change(copy.source, "insert into t values (2)")

    monkeypatch.setattr(duckdb_files, "_clone", meanwhile)
    refresh(copy, print)
    assert content(copy.copy) == [(1,), (2,)]


def test_without_a_file_there_is_no_copy(copy: Copy):
    refresh(copy, print)
    copy.source.unlink()
    refresh(copy, print)
    assert not copy.copy.exists()


def _directory(place: Path, victim: Path) -> None:
    (place / "x").mkdir(parents=True)
    (place / "x" / "to-it").symlink_to(victim)


def _link_to_a_directory(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def _link_to_a_file(place: Path, victim: Path) -> None:
    place.symlink_to(victim / "precious")


def _pipe(place: Path, victim: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize("leave", [_directory, _link_to_a_directory, _link_to_a_file, _pipe])
@pytest.mark.parametrize("where", ["shop.duckdb", "shop.duckdb.wal", "."])
@pytest.mark.parametrize("has_source", [True, False])
def test_what_a_pull_request_leaves_in_the_place_of_its_copy_is_deleted(
    copy: Copy, tmp_path: Path, leave: Callable[[Path, Path], None], where: str, *, has_source: bool
):
    """Its next runs failed before dbt, and the error named no cause."""
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in ("precious", "shop.duckdb", "shop.duckdb.wal"):
        (victim / name).write_text("stays", encoding="utf-8")
    place = copy.copy.parent / where
    if where != ".":
        copy.copy.parent.mkdir()
    leave(place, victim)
    if not has_source:
        copy.source.unlink()
    refresh(copy, print)
    assert not copy.copy.parent.is_symlink()
    found = [each for each in copy.copy.parent.iterdir() if each.name != "x"]
    assert found == ([copy.copy] if has_source else [])
    if has_source:
        assert not copy.copy.is_symlink()
        assert content(copy.copy) == [(1,)]
    assert {each.read_text(encoding="utf-8") for each in victim.iterdir()} == {"stays"}
    assert len(list(victim.iterdir())) == 3


def test_what_can_not_be_deleted_in_the_place_of_a_copy_is_told(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
):
    copy.copy.mkdir(parents=True)

    def refuse(place: Path) -> None:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(DbtError, match=r"shop.duckdb is no file .* Permission denied.*; delete it"):
        refresh(copy, print)


def test_a_copy_that_takes_longer_than_the_run_has_is_given_up(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
):
    """A large file was copied to its end, whatever the job's timeout was."""
    monkeypatch.setattr(duckdb_files, "_CLONE", 0)  # as where no file system shares blocks
    with deadlines.within(0), pytest.raises(DbtError, match="could not be copied before the time"):
        refresh(copy, print)
    assert list(copy.copy.parent.iterdir()) == []
    refresh(copy, print)
    assert content(copy.copy) == [(1,)]
