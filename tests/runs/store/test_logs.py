import json
from pathlib import Path

import pytest
from upath import UPath

from deploy_project.config.state import StateDirectory
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.runs.store.artifacts import Artifacts
from deploy_project.runs.store.logs import DEBUG, Tail

RUN = "3f2a0c1e-0000-4000-8000-000000000000"


class Steps:
    """What a run writes, step by step."""

    def __init__(self, root: Path) -> None:
        self.state = StateDirectory(root / "state")
        self.artifacts = Artifacts(UPath(root / "artifacts"))

    def log(self, step: str, text: str, file: str = "console.log") -> None:
        directory = self.state.work(RUN) / "steps" / step
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    def end(self, step: str, *, done_by: str | None = None) -> None:
        directory = self.state.work(RUN) / "steps" / step
        record = json.dumps({"done_by": done_by} if done_by else {})
        (directory / "step.json").write_text(record, encoding="utf-8")
        self.artifacts.publish_step(RUN, step, directory)

    def tail(self, **options: object) -> Tail:
        return Tail(RUN, self.state, self.artifacts, **options)  # pyright: ignore[reportArgumentType]


def new(tail: Tail) -> str:
    return "".join(tail.new())


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def test_a_run_that_has_not_begun_has_logged_nothing(steps: Steps):
    assert (new(steps.tail()), steps.tail().steps()) == ("", {})


def test_each_line_comes_once_and_whole(steps: Steps):
    tail = steps.tail()
    steps.log("01-clone", "one\ntw")
    assert new(tail) == "one\n"
    assert new(tail) == ""
    steps.log("01-clone", "o\n")
    assert new(tail) == "two\n"


def test_a_step_is_read_on_where_it_is_kept_after_its_end(steps: Steps):
    tail = steps.tail()
    steps.log("01-clone", "one\n")
    assert new(tail) == "one\n"
    steps.log("01-clone", "two\nwithout an end")
    steps.end("01-clone")
    steps.log("02-deps", "three\n")
    assert new(tail) == "two\nwithout an endthree\n"
    assert new(tail) == ""


def test_steps_come_in_their_order_also_from_the_hundredth_on(steps: Steps):
    for step in ("100-dbt-run", "99-dbt-run", "02-deps"):
        steps.log(step, f"{step}\n")
        steps.end(step)
    assert new(steps.tail()) == "02-deps\n99-dbt-run\n100-dbt-run\n"


def test_a_step_that_was_done_before_comes_when_the_retry_gets_there(steps: Steps):
    """`retry --wait` printed such a step within the block of the first one."""
    tail = steps.tail()
    for step in ("03-dbt-seed", "04-dbt-run"):
        steps.log(step, f"{step} was done\n")
        steps.end(step, done_by="another run")
    assert new(tail) == "", "no step has begun"
    steps.log("01-clone", "clone begins\n")
    assert new(tail) == "clone begins\n"
    steps.log("01-clone", "clone ends\n")
    steps.end("01-clone")
    assert new(tail) == "clone ends\n"
    steps.log("02-deps", "deps begins\n")
    assert new(tail) == "deps begins\n"
    steps.end("02-deps")
    assert new(tail) == "03-dbt-seed was done\n04-dbt-run was done\n"
    steps.log("05-dbt-test", "test\n")
    assert new(tail) == "test\n"
    assert new(steps.tail(step=4)) == "04-dbt-run was done\n"
    assert new(steps.tail()).splitlines() == [
        *("clone begins", "clone ends", "deps begins", "03-dbt-seed was done"),
        *("04-dbt-run was done", "test"),
    ]


def test_a_step_that_was_done_before_does_not_come_when_the_retry_never_gets_there(steps: Steps):
    tail = steps.tail()
    steps.log("03-dbt-seed", "was done\n")
    steps.end("03-dbt-seed", done_by="another run")
    steps.log("01-clone", "no such branch\n")
    steps.end("01-clone")
    assert new(tail) == "no such branch\n"
    assert new(tail) == ""


def test_one_step_only(steps: Steps):
    for step in ("01-clone", "02-deps"):
        steps.log(step, f"{step}\n")
    assert new(steps.tail(step=2)) == "02-deps\n"


def test_debug_logs_say_which_step_they_are_of(steps: Steps):
    tail = steps.tail(file=DEBUG)
    steps.log("01-clone", "not this\n")
    steps.log("04-dbt-build", "first\n", DEBUG)
    assert new(tail) == "=== 04-dbt-build\nfirst\n"
    steps.log("04-dbt-build", "second\n", DEBUG)
    assert new(tail) == "second\n"


def test_a_debug_log_is_shown_without_what_dbt_did_not_know_to_leave_out(steps: Steps):
    tail = steps.tail(file=DEBUG, shown=Scrubber(["git-token"]).text)
    steps.log("04-dbt-build", "fatal: git-token was refused\ngit-to", DEBUG)
    assert new(tail) == "=== 04-dbt-build\nfatal: ***** was refused\n"
    steps.log("04-dbt-build", "ken\n", DEBUG)
    assert new(tail) == "*****\n"


def test_other_directories_are_no_steps(steps: Steps):
    (steps.state.work(RUN) / "steps" / "scratch").mkdir(parents=True)
    steps.log("02-deps", "")
    assert steps.tail().steps() == {2: "02-deps"}


@pytest.mark.parametrize("run_id", ["../../etc", "", "3f2a"])
def test_what_is_no_run_id_becomes_no_path(run_id: str, steps: Steps):
    with pytest.raises(ValueError, match="badly formed"):
        Tail(run_id, steps.state, steps.artifacts)


def test_a_large_log_comes_in_pieces(steps: Steps, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy_project.runs.store.logs.CHUNK", 20)
    tail, text = steps.tail(), "eins\nzwölf\n" * 10 + "ö" * 55
    steps.log("01-clone", text)
    before = "".join(tail.new())
    assert text.startswith(before)
    assert len(text) - len(before) < 20
    steps.log("01-clone", "\nthe end")
    steps.end("01-clone")
    pieces = list(tail.new())
    assert before + "".join(pieces) == text + "\nthe end"
    assert max(map(len, pieces)) <= 20
    assert new(tail) == ""
