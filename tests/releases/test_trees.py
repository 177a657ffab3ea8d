import os
from pathlib import Path, PurePosixPath

import pytest

from deploy_project.config.state import Checkout
from deploy_project.releases.trees import own_tree


def made(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path / "checkout")
    (checkout.tree / "models").mkdir(parents=True)
    (checkout.tree / "models" / "a.sql").write_text("select 1", encoding="utf-8")
    (checkout.tree / "run.sh").write_text("#!/bin/sh", encoding="utf-8")
    (checkout.tree / "run.sh").chmod(0o755)
    (checkout.tree / "models" / "b.sql").symlink_to("a.sql")
    (checkout.tree / "target").mkdir()
    (checkout.tree / "target" / "manifest.json").write_text("{}", encoding="utf-8")
    os.utime(checkout.tree / "models" / "a.sql", ns=(1, 1_000_000_007))
    return checkout


def test_a_copy_is_the_same_and_its_own(tmp_path: Path):
    """A run wrote into the files that every other run of the commit reads."""
    checkout = made(tmp_path)
    tree = own_tree(checkout, tmp_path / "run" / "tree", without=PurePosixPath("target"))
    file = tree / "models" / "a.sql"
    assert file.stat().st_mtime_ns == 1_000_000_007, "dbt goes by it to know what it has parsed"
    assert os.access(tree / "run.sh", os.X_OK)
    assert os.readlink(tree / "models" / "b.sql") == "a.sql"
    assert not (tree / "target").exists()
    with file.open("r+", encoding="utf-8") as stream:  # in place, as a hard link would not bear
        stream.write("CHANGED!")
    (tree / "models" / "b.sql").write_text("through the link", encoding="utf-8")
    assert (checkout.tree / "models" / "a.sql").read_text(encoding="utf-8") == "select 1"


def test_a_copy_is_made_once(tmp_path: Path):
    checkout = made(tmp_path)
    tree = own_tree(checkout, tmp_path / "run" / "tree", without=PurePosixPath("target"))
    (tree / "models" / "a.sql").write_text("mine", encoding="utf-8")
    own_tree(checkout, tree, without=PurePosixPath("target"))
    assert (tree / "models" / "a.sql").read_text(encoding="utf-8") == "mine"


def test_what_a_run_fills_itself_may_be_a_link_in_the_repository(tmp_path: Path):
    checkout = made(tmp_path)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").touch()
    (checkout.tree / "out").symlink_to(victim)
    tree = own_tree(checkout, tmp_path / "run" / "tree", without=PurePosixPath("out"))
    assert not (tree / "out").is_symlink()
    assert (victim / "file").exists()


def test_a_path_outside_of_the_copy_is_never_touched(tmp_path: Path):
    """`/target` of the machine was deleted for a project at the root of its repository."""
    victim = tmp_path / "victim"
    victim.mkdir()
    with pytest.raises(ValueError, match="no path inside"):
        own_tree(made(tmp_path), tmp_path / "run" / "tree", without=PurePosixPath(victim))
    assert victim.is_dir()
