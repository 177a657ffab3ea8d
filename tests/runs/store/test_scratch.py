import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

from deploy_project.runs.store.scratch import free, hold, reclaim

AN_HOUR = timedelta(hours=1)


def directory(root: Path, name: str, *, age: timedelta = timedelta(hours=2)) -> Path:
    made = root / name
    (made / "steps").mkdir(parents=True)
    (made / "steps" / "console.log").write_text("said")
    then = time.time() - age.total_seconds()
    os.utime(made, (then, then))
    return made


def test_what_is_old_and_nobodys_is_reclaimed(tmp_path: Path):
    old = directory(tmp_path, "old")
    new = directory(tmp_path, "new", age=timedelta(minutes=1))
    assert reclaim(tmp_path, older_than=AN_HOUR) == ["old"]
    assert not old.exists()
    assert new.exists()


def test_a_run_that_lasts_for_days_keeps_its_directory(tmp_path: Path):
    work = directory(tmp_path, "held")
    hold(work)
    then = time.time() - timedelta(days=3).total_seconds()
    os.utime(work, (then, then))
    assert reclaim(tmp_path, older_than=AN_HOUR) == []
    free(work)
    assert not work.exists()


def test_a_killed_process_holds_nothing(tmp_path: Path):
    work = directory(tmp_path, "killed")
    program = (
        "import sys, time, pathlib; from deploy_project.runs.store.scratch import hold; "
        "hold(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(work)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        os.utime(work, (0, 0))
        assert reclaim(tmp_path, older_than=AN_HOUR) == []
        process.kill()
    assert reclaim(tmp_path, older_than=AN_HOUR) == ["killed"]


def test_there_may_be_no_scratch_space_yet(tmp_path: Path):
    assert reclaim(tmp_path / "work", older_than=AN_HOUR) == []


def test_a_deep_directory_of_a_killed_run_is_reclaimed(tmp_path: Path):
    """Python's own way to delete it calls itself for each level, and the sensor failed for good."""
    here = os.open(directory(tmp_path, "killed"), os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    then = time.time() - timedelta(hours=2).total_seconds()
    os.utime(tmp_path / "killed", (then, then))
    assert reclaim(tmp_path, older_than=AN_HOUR) == ["killed"]
    assert not (tmp_path / "killed").exists()
