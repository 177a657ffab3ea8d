"""One process imports dbt, and each command is a fork of it; a fresh process where none can be."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_project.dbt.processes import child as program
from deploy_project.dbt.processes import children, process
from deploy_project.dbt.processes.children import Fork, Warm
from deploy_project.dbt.processes.process import Exit, Invocation, run
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import DbtError
from tests.support.waiting import wait

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not children.can_fork(), reason="fresh processes take the place of forks"),
]
PYTHON = Path(sys.executable)
LANG = {"LANG": "C.UTF-8"}
PROGRAM = """
import os, signal, subprocess, sys, threading, time

def main(arguments):
    print(os.getpid(), os.getppid(), os.getsid(0), os.environ.get("DBT_REGION"), os.getcwd())
    if arguments[0] == "end":
        return int(arguments[1])
    if arguments[0] == "schemas":
        from dbt.contracts.project import Project
        print(Project.json_schema.__func__.cache_info().currsize)
        return 0
    if arguments[0].startswith("start another"):
        subprocess.Popen(["sleep", "1000"])
    if arguments[0].endswith("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if arguments[0] == "leave a talker":
        subprocess.Popen(["sh", "-c", "for each in 1 2 3 4 5 6 7 8; do sleep 0.3; echo late; done"])
        return 0
    while True:
        time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def made() -> list[Warm]:
    """The processes that have imported dbt for the tests before; the last one may still live."""
    return []


@pytest.fixture
def warm(made: list[Warm], monkeypatch: pytest.MonkeyPatch) -> Warm:
    """A process without forks that has imported dbt, for those that want a Python with `LANG`."""
    is_alive = bool(made) and made[-1]._process.poll() is None
    monkeypatch.setattr(children, "_warm", {(PYTHON, False): made[-1]} if is_alive else {})
    children.keep_warm(PYTHON, LANG)
    children.keep_warm(PYTHON, LANG)
    found = children._warm[PYTHON, False]
    if not is_alive:
        made.append(found)
        _wait_for_dbt(found)
    descriptors = Path(f"/proc/{found._process.pid}/fd")
    wait(lambda: len(list(descriptors.iterdir())) == 4, otherwise=lambda: "it has forks")
    return found


def _wait_for_dbt(warm: Warm) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "_PATIENCE_SECONDS", 300)  # of a busy machine
        first = warm.child(lambda: True)
    assert first is not None
    first.stdin.close()
    assert first.process.wait() == 0
    first.stdout.close()
    os.close(first.events)


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Invocation]:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")

    def make(*arguments: str) -> Invocation:
        return Invocation(
            arguments=arguments,
            python=PYTHON,
            project_directory=tmp_path,
            profiles_directory=tmp_path,
            target_directory=tmp_path / "target",
            debug_log=tmp_path / "dbt.log",
            temporary=tmp_path / "tmp",
            inherited=LANG,
            variables={"DBT_REGION": "all"},
            program=file,
        )

    return make


def heard(invocation: Invocation, *, timeout: float | None = None) -> tuple[Exit, list[str]]:
    lines: list[str] = []
    ended = run(
        invocation,
        scrubber=Scrubber([]),
        on_event=lambda _: None,
        on_line=lines.append,
        timeout_seconds=timeout,
    )
    return ended, " ".join(lines).split()


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def test_each_command_is_a_fork_with_surroundings_of_its_own(
    warm: Warm, command: Callable[..., Invocation], tmp_path: Path
):
    first, second = heard(command("end", "7")), heard(command("end", "0"))
    assert (first[0], second[0]) == (Exit(7), Exit(0))
    one, two = first[1], second[1]
    assert one[0] != two[0]
    assert one[1] == two[1] == str(warm._process.pid)
    assert (one[2], two[2]) == (one[0], two[0]), "each leads a session"
    assert one[3:] == two[3:] == ["all", str(tmp_path)]


def test_whatever_forks_has_one_thread_and_nothing_open(warm: Warm):
    """Dbt's parser leaves threads that a fork would wait for without end."""
    child = warm.child(lambda: True)
    assert child is not None
    place = Path(f"/proc/{warm._process.pid}")
    assert len(list((place / "task").iterdir())) == 1
    kinds = [os.readlink(each).partition(":")[0] for each in (place / "fd").iterdir()]
    assert sorted(kinds) == ["/dev/null", "/dev/null", "/dev/null", "anon_inode", "socket"]
    child.stdin.close()
    assert child.process.wait() == 0
    wait(lambda: len(list((place / "fd").iterdir())) == 4)
    child.stdout.close()
    os.close(child.events)


def test_a_fork_finds_the_schemas_derived_that_each_command_needs(
    warm: Warm, command: Callable[..., Invocation], monkeypatch: pytest.MonkeyPatch
):
    """Each derived them anew, for a third of its time in a small project."""
    own = len(program.VALIDATED) + len(program.ADAPTERS)
    assert int(heard(command("schemas"))[1][-1]) == own
    monkeypatch.setattr(children, "_warm", {})
    assert heard(command("schemas"))[1][-1] == "0", "a fresh process has one command"
    monkeypatch.setattr(children, "_ahead", {})
    children.start_ahead(PYTHON, LANG)
    assert int(heard(command("schemas"))[1][-1]) == own, "and one that waits has the time"


def test_a_dbt_without_such_schemas_forks_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(program, "VALIDATED", ("Nowhere",))
    monkeypatch.setattr(program, "ADAPTERS", ("nowhere",))
    program.derive_schemas()


def test_a_fork_has_no_descriptor_of_another(warm: Warm):
    """The standard input of a command would stay open when its parent has gone."""
    one, two = warm.child(lambda: True), warm.child(lambda: True)
    assert one is not None
    assert two is not None
    place = Path(f"/proc/{two.process.pid}/fd")

    def kinds() -> list[str]:
        return [os.readlink(each).partition(":")[0] for each in place.iterdir()]

    wait(lambda: sorted(kinds()) == ["pipe"] * (5 + 2))  # its own, and that of its wake-up
    for each in (one, two):
        each.stdin.close()
        assert each.process.wait() == 0
        each.stdout.close()
        os.close(each.events)


def test_commands_at_a_time_end_each_for_itself(warm: Warm, command: Callable[..., Invocation]):
    codes: dict[int, int] = {}

    def one(code: int) -> None:
        codes[code] = heard(command("end", str(code)))[0].code

    threads = [threading.Thread(target=one, args=(code,)) for code in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert codes == {code: code for code in range(5)}


@pytest.mark.parametrize("name", ["go on", "start another"])
def test_the_end_of_its_time_ends_a_fork_and_all_that_it_has_started(
    warm: Warm, command: Callable[..., Invocation], name: str
):
    ended, words = heard(command(name), timeout=2)
    assert ended.timed_out
    assert ended.code != 0
    wait(lambda: not any(is_running(pid) for pid in _session(int(words[0]))))
    assert heard(command("end", "0"))[0] == Exit(0), "the next one is none the wiser"


def _session(leader: int) -> list[int]:
    found: list[int] = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            stat = (each / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if stat[3] == str(leader):
            found.append(int(each.name))
    return found


def test_a_fork_that_was_killed_says_by_which_signal(
    warm: Warm, command: Callable[..., Invocation]
):
    assert heard(command("die"))[0] == Exit(-signal.SIGKILL)


def test_a_process_that_was_killed_is_replaced(warm: Warm, command: Callable[..., Invocation]):
    os.kill(warm._process.pid, signal.SIGKILL)
    warm._process.wait()
    ended, words = heard(command("end", "0"))
    assert ended == Exit(0)
    assert words[1] == str(os.getpid()), "it was started by ourselves"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_fork_tells_its_exit_code_itself(
    warm: Warm,
    command: Callable[..., Invocation],
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
):
    """A command that had succeeded was reported as killed, when only its parent was."""
    monkeypatch.setattr(children, "_PATIENCE_SECONDS", 5)
    child = warm.child(lambda: True)
    assert child is not None
    os.kill(warm._process.pid, number)
    assert child.process.poll() is None
    file = str(command().program)
    child.order(
        {
            "program": file,
            "before": None,
            "arguments": ["end", "7"],
            "debug_log": "l",
            "directory": str(Path(file).parent),
            "variables": {},
            "secrets": [],
            "sandbox": None,
        }
    )
    assert child.process.wait() == 7
    for each in (child.stdin, child.stdout):
        each.close()
    os.close(child.events)
    assert heard(command("end", "5"))[0] == Exit(5), "a fresh process takes its place"


def test_the_end_of_a_killed_fork_whose_parent_was_killed_is_a_guess(warm: Warm):
    child = warm.child(lambda: True)
    assert child is not None
    for pid in (warm._process.pid, child.process.pid):
        os.kill(pid, signal.SIGKILL)
    assert child.process.wait() == -signal.SIGKILL
    warm._process.wait()  # else the next test may take it for alive
    for each in (child.stdin, child.stdout):
        each.close()
    os.close(child.events)


def test_a_process_that_does_not_fork_holds_nobody_up(
    warm: Warm, command: Callable[..., Invocation]
):
    """A run went on for a minute after its time, and the stopped process stayed."""
    assert heard(command("end", "0"))[0] == Exit(0)
    os.kill(warm._process.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert heard(command("go on"), timeout=1)[0].timed_out
    assert time.monotonic() - began < children._PATIENCE_SECONDS
    assert not is_running(warm._process.pid)


def test_without_descriptors_of_processes_each_command_is_a_fresh_one(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Invocation]
):
    """Old kernels have none, and containers may forbid them: every run failed there."""

    def forbidden(pid: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(children, "_warm", {})
    monkeypatch.setattr(os, "pidfd_open", forbidden)
    children.keep_warm(PYTHON, LANG)
    ended, words = heard(command("end", "0"))
    assert ended == Exit(0)
    assert words[1] == str(os.getpid())


def test_a_crash_leaves_nothing_behind(warm: Warm, command: Callable[..., Invocation]):
    ended, words = heard(command("start another and die"))
    assert ended == Exit(-signal.SIGKILL)
    wait(lambda: not any(is_running(pid) for pid in _session(int(words[0]))))


def test_what_a_command_has_left_says_nothing_in_the_next_ones(
    warm: Warm, command: Callable[..., Invocation], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    lines: list[str] = []
    talker = command("leave a talker")
    run(talker, scrubber=Scrubber([]), on_event=lambda _: None, on_line=lines.append)
    so_far = len(lines)
    time.sleep(1.5)
    assert len(lines) == so_far


@pytest.mark.parametrize(
    ("inherited", "is_fork"),
    [
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "C.UTF-8", "TZ": "UTC"}, True),
        ({}, False),
        ({"LANG": "de_DE"}, False),
    ],
    ids=["the same", "more", "less", "another value"],
)
def test_a_fork_has_inherited_nothing_else(warm: Warm, inherited: dict[str, str], is_fork: bool):
    """Dagster reads `.env` after dbt was started, so that it may have less."""
    child = children.taken(PYTHON, inherited)
    assert isinstance(child.process, Fork) is is_fork
    child.stdin.close()
    assert child.process.wait() == 0
    child.stdout.close()
    os.close(child.events)


def test_a_python_that_can_not_be_kept_warm_is_told_when_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Invocation]
):
    monkeypatch.setattr(children, "_warm", {})
    gone = Path("/nowhere/bin/python")
    children.keep_warm(gone, LANG)
    with pytest.raises(DbtError, match="could not be started with /nowhere/bin/python"):
        heard(replace(command("end", "0"), python=gone))


@pytest.mark.parametrize("how", ["sys.exit()", "os.kill(os.getpid(), 9)"])
def test_what_was_kept_warm_ends_with_its_parent_and_so_do_its_forks(tmp_path: Path, how: str):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    code = textwrap.dedent(f"""
        import os, sys
        from pathlib import Path
        from deploy_project.dbt.processes import children, process
        children.keep_warm(Path(sys.executable), {LANG!r})
        child = children.taken(Path(sys.executable), {LANG!r})
        child.order({{
            "program": {str(tmp_path / "program.py")!r}, "before": None, "arguments": ["go on"],
            "directory": {str(tmp_path)!r}, "variables": {{}}, "debug_log": "l", "secrets": [],
            "sandbox": None,
        }})
        print(child.process.pid, child.process.parent._process.pid, flush=True)
        child.stdout.readline()
        {how}
    """)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True
    )
    pids = [int(each) for each in done.stdout.split()]
    assert len(pids) == 2, done.stderr
    wait(lambda: not any(is_running(pid) for pid in pids))


def test_a_process_that_was_started_ahead_runs_one_command(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Invocation]
):
    monkeypatch.setattr(children, "_warm", {})
    monkeypatch.setattr(children, "_ahead", {})
    children.start_ahead(PYTHON, LANG)
    children.start_ahead(PYTHON, LANG)
    ahead = str(children._ahead[PYTHON][0].process.pid)
    first, second = heard(command("end", "7")), heard(command("end", "0"))
    assert (first[0], second[0]) == (Exit(7), Exit(0))
    assert first[1][0] == ahead
    assert second[1][0] != ahead


def test_a_process_that_was_killed_while_it_waited_is_replaced(
    monkeypatch: pytest.MonkeyPatch, command: Callable[..., Invocation]
):
    monkeypatch.setattr(children, "_warm", {})
    monkeypatch.setattr(children, "_ahead", {})
    children.start_ahead(PYTHON, LANG)
    process = children._ahead[PYTHON][0].process
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert heard(command("end", "0"))[0] == Exit(0)
