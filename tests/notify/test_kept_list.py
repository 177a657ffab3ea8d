"""Lists that the API keeps: nothing is lost between processes, and only their owner reads them."""

import stat
import threading
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from deploy_project.errors import ConfigError
from deploy_project.notify.kept_list import KeptList


@pytest.fixture
def kept(tmp_path: Path) -> KeptList[int]:
    return KeptList(tmp_path / "api" / "numbers.json", TypeAdapter(tuple[int, ...]), "numbers")


def test_items_are_added_replaced_and_removed(kept: KeptList[int]):
    assert kept.all() == ()
    assert [kept.add(len) for _ in range(3)] == [0, 1, 2]
    assert kept.replace(lambda each: each == 1, lambda each: each + 10) == 11
    assert kept.replace(lambda each: each == 1, lambda each: each + 10) is None
    assert kept.all() == (0, 11, 2)
    assert kept.remove(lambda each: each == 11)
    assert not kept.remove(lambda each: each == 11)
    assert kept.all() == (0, 2)


def test_only_its_owner_reads_the_file(kept: KeptList[int]):
    kept.add(len)
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600


def test_several_processes_lose_nothing(kept: KeptList[int]):
    threads = [threading.Thread(target=kept.add, args=[len]) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert kept.all() == tuple(range(8))


def test_a_damaged_file_is_not_written_over(kept: KeptList[int]):
    kept.add(len)
    kept.file.write_text("[{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"does not hold numbers: .*move it away"):
        kept.add(len)
    assert kept.file.read_text(encoding="utf-8") == "[{"
