from pathlib import Path

import pytest
from upath import UPath

from deploy_project.runs.store.shared_target import SharedTarget


def step(place: Path, name: str, shared: SharedTarget, **written: str) -> set[str]:
    """Have a step find what there is and write files; return those that are its own."""
    target = place / name
    given = shared.hand_on(target)
    for file, text in written.items():
        (target / f"{file}.json").write_text(text, encoding="utf-8")
    shared.take_over(target, given)
    return {each.name for each in target.iterdir()}


def test_a_step_finds_what_those_before_have_left_and_keeps_its_own(tmp_path: Path):
    shared = SharedTarget(tmp_path / "tree" / "target")
    assert step(tmp_path, "1", shared, sources="old", manifest="m1") == {
        *("sources.json", "manifest.json")
    }
    assert (tmp_path / "2" / "sources.json").exists() is False
    given = shared.hand_on(tmp_path / "2")
    assert (tmp_path / "2" / "sources.json").read_text(encoding="utf-8") == "old"
    (tmp_path / "2" / "run_results.json").write_text("r2", encoding="utf-8")
    shared.take_over(tmp_path / "2", given)
    assert [each.name for each in (tmp_path / "2").iterdir()] == ["run_results.json"]
    assert step(tmp_path, "3", shared, sources="new") == {"sources.json"}
    assert (shared.place / "sources.json").read_text(encoding="utf-8") == "new"
    assert (shared.place / "manifest.json").read_text(encoding="utf-8") == "m1"


def test_a_retry_gets_what_the_run_before_has_left(tmp_path: Path):
    """A step that needs the sources.json of a step done before found none."""
    left = tmp_path / "artifacts" / "target"
    left.mkdir(parents=True)
    (left / "sources.json").write_text("measured", encoding="utf-8")
    (left / "compiled").mkdir()
    shared = SharedTarget(tmp_path / "tree" / "target")
    shared.receive(UPath(left))
    shared.hand_on(tmp_path / "1")
    assert [each.name for each in (tmp_path / "1").iterdir()] == ["sources.json"]


@pytest.mark.parametrize("kind", ["link to a directory", "dangling link", "file"])
def test_what_a_commit_has_as_its_target_is_replaced(tmp_path: Path, kind: str):
    """A retry wrote through a link that was committed as `target`, to wherever it led."""
    victim, left, place = tmp_path / "victim", tmp_path / "left", tmp_path / "tree" / "target"
    for each in (victim, left, place.parent):
        each.mkdir()
    (left / "sources.json").write_text("measured", encoding="utf-8")
    if kind == "file":
        place.write_text("committed", encoding="utf-8")
    else:
        place.symlink_to(victim if kind == "link to a directory" else tmp_path / "nowhere")
    shared = SharedTarget(place)
    shared.receive(UPath(left))
    assert list(victim.iterdir()) == []
    shared.hand_on(tmp_path / "1")
    assert (tmp_path / "1" / "sources.json").read_text(encoding="utf-8") == "measured"


def test_a_parse_that_is_there_stays(tmp_path: Path):
    shared = SharedTarget(tmp_path / "target")
    for place, text in ((shared.place, "of the step before"), (tmp_path / "1", "of the commit")):
        place.mkdir()
        (place / "partial_parse.msgpack").write_text(text, encoding="utf-8")
    shared.hand_on(tmp_path / "1")
    found = (tmp_path / "1" / "partial_parse.msgpack").read_text(encoding="utf-8")
    assert found == "of the commit"


def test_no_link_is_followed(tmp_path: Path):
    """A program of a pull request could have had us write, and read, where a link leads."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "sources.json").write_text("secret", encoding="utf-8")
    shared = SharedTarget(tmp_path / "target")
    shared.place.symlink_to(victim)
    assert step(tmp_path, "1", shared, manifest="m") == {"manifest.json"}
    assert [each.name for each in victim.iterdir()] == ["sources.json"]
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "sources.json").symlink_to(victim / "sources.json")
    shared.take_over(tmp_path / "2", {})
    assert not (shared.place / "sources.json").exists()
