import subprocess
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import ConfigError


def test_the_state_directory_keeps_itself_out_of_the_repository_around_it(tmp_path: Path):
    """`git add --all` beside a deploy.yaml committed run history, artifacts and checkouts."""
    StateDirectory(tmp_path / ".deploy").prepare()
    (tmp_path / ".deploy" / "artifacts").mkdir()
    (tmp_path / ".deploy" / "artifacts" / "run.json").write_text("{}")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert status.stdout == ""


def test_what_people_have_written_there_stays(tmp_path: Path):
    state = StateDirectory(tmp_path)
    state.prepare()
    (tmp_path / "README").write_text("ours")
    state.prepare()
    assert (tmp_path / "README").read_text() == "ours"


def test_a_file_in_its_place_is_one_clear_error(tmp_path: Path):
    (tmp_path / "state").write_text("")
    with pytest.raises(ConfigError, match="set DEPLOY_STATE to a directory that can"):
        StateDirectory(tmp_path / "state").prepare()
