"""A program that is run to its end, and everything that may end it before."""

import os
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from deploy_project.processes import deadlines, programs
from deploy_project.processes.deadlines import Stopped
from deploy_project.processes.programs import Silence
from tests.support.running.processes import is_gone
from tests.support.waiting import wait

LONG = 300.0
"""Seconds that nothing here may take, however busy the machine is."""


def has_ended(pid: int) -> bool:
    """Wait until the process has ended: a kill takes a moment."""
    return wait(lambda: is_gone(pid), every=0.02)


def called(name: str, directory: Path, program: str) -> list[str]:
    """Return the command of a Python program that the kernel knows by `name`."""
    python = directory / name
    python.symlink_to(sys.executable)
    return [str(python), "-c", textwrap.dedent(program)]


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """A file to which programs write the ids of their processes."""
    return tmp_path / "pids"


def test_what_a_program_says_and_reads():
    command = ("sh", "-c", "cat; echo oops >&2; exit 3")
    ended = programs.run(command, seconds=LONG, given=b"given")
    assert (ended.code, ended.output, ended.messages) == (3, b"given", b"oops\n")


def test_what_is_given_reaches_a_program_that_takes_its_time():
    """Python's own way of giving it in parts forgot the rest at the first look."""
    command = ("sh", "-c", "sleep 1.5; cat")
    assert programs.run(command, seconds=LONG, given=b"x" * 200_000).output == b"x" * 200_000


def test_output_is_heard_in_parts_and_not_kept():
    heard: list[bytes] = []

    def hear(part: bytes) -> bool:
        heard.append(part)
        return True

    command = ("sh", "-c", "cat; echo oops >&2; exit 3")
    ended = programs.run(command, seconds=LONG, given=b"x" * 200_000, hear=hear)
    assert (ended.code, ended.output, ended.messages) == (3, b"", b"oops\n")
    assert b"".join(heard) == b"x" * 200_000
    assert len(heard) > 1


def test_a_program_whose_output_nobody_wants_more_of_is_ended():
    heard: list[bytes] = []

    def hear(part: bytes) -> bool:
        heard.append(part)
        return len(heard) < 3

    assert programs.run(("yes",), seconds=LONG, hear=hear).code == -signal.SIGPIPE
    assert len(heard) == 3


def test_a_program_that_is_heard_ends_in_time():
    with pytest.raises(Stopped, match="to end within 1 seconds"):
        programs.run(("yes",), seconds=1, hear=lambda _: True)


def test_the_time_ends_all_that_was_started_sessions_of_their_own_too(pids: Path):
    """A helper that had left the process group outlived the git that had started it."""
    text = (
        f"setsid sh -c 'echo $$ >> {pids}; exec sleep 900' & echo $$ >> {pids}; echo hi >&2; wait"
    )
    with pytest.raises(Stopped, match="to end within 2 seconds, and was stopped") as raised:
        programs.run(("sh", "-c", text), seconds=2)
    assert raised.value.messages == b"hi\n"
    found = [int(each) for each in pids.read_text().split()]
    assert len(found) == 2
    assert all(has_ended(each) for each in found)


def test_a_deadline_ends_it_before_its_own_time_is_over(pids: Path):
    with (
        deadlines.within(2),
        deadlines.within(LONG),  # no block lasts longer than the one around it
        pytest.raises(Stopped, match="to end before the time was up"),
    ):
        programs.run(("sh", "-c", f"echo $$ > {pids}; exec sleep 900"), seconds=LONG)
    assert has_ended(int(pids.read_text()))
    assert deadlines.seconds_left() == float("inf")


def test_nothing_is_started_once_the_time_is_up(pids: Path):
    with deadlines.within(0), pytest.raises(Stopped, match="to begin: the time was up"):
        programs.run(("touch", str(pids)), seconds=LONG)
    assert not pids.exists()


def test_a_deadline_is_a_matter_of_its_own_thread():
    left: list[float] = []
    with deadlines.within(5):
        thread = threading.Thread(target=lambda: left.append(deadlines.seconds_left()))
        thread.start()
        thread.join()
    assert left == [float("inf")]


def test_what_goes_on_for_itself_holds_nobody_up(pids: Path):
    """A shared connection of ssh keeps git's output open, and git seemed never to end."""
    text = f"setsid sh -c 'echo $$ > {pids}; exec sleep 900' & sleep 1; echo done; exit 4"
    ended = programs.run(("sh", "-c", text), seconds=LONG)
    pid = int(pids.read_text())
    try:
        assert (ended.code, ended.output) == (4, b"done\n")
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_silent_program_is_ended(tmp_path: Path, pids: Path):
    text = f"import os, time; open({str(pids)!r}, 'w').write(str(os.getpid())); time.sleep(900)"
    command = called("git-waits", tmp_path, text)
    with pytest.raises(Stopped, match="to hear anything for 3 seconds, and was stopped"):
        programs.run(command, seconds=LONG, silence=Silence("git", 3))
    assert has_ended(int(pids.read_text()))


@pytest.mark.parametrize(
    "work",
    [
        "os.read(pipe, 1); time.sleep(0.5)",
        "os.write(pipe, b'x'); time.sleep(0.5)",
        "sum(range(1000))",
        "kept.append(bytearray(1 << 20)); time.sleep(0.5)",
    ],
    ids=["reads", "writes", "computes", "grows"],
)
def test_a_program_that_does_something_is_not_silent(tmp_path: Path, work: str):
    """Git resolves deltas without a word; what curl receives, no counter of the kernel tells."""
    text = f"""
        import os, time
        kept, pipe, until = [], os.open("/dev/zero", os.O_RDWR), time.monotonic() + 8
        while time.monotonic() < until:
            {work}
        print("done")
    """
    command = called("git-works", tmp_path, text)
    ended = programs.run(command, seconds=LONG, silence=Silence("git", 3))
    assert ended.output == b"done\n", ended.messages


def test_a_helper_that_only_keeps_its_connection_is_silence(tmp_path: Path):
    """Ssh hears from the other machine as long as that is there, and git hears nothing."""
    chatty = called("ssh", tmp_path, "import os, time\nwhile os.write(2, b'x'): time.sleep(0.1)")
    text = f"import subprocess; subprocess.run({chatty!r})"
    with pytest.raises(Stopped, match="to hear anything"):
        programs.run(called("git", tmp_path, text), seconds=LONG, silence=Silence("git", 3))


@contextmanager
def handling(
    number: signal.Signals, handler: Callable[[int, FrameType | None], None] | signal.Handlers
) -> Generator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def signalled(number: signal.Signals, pids: Path) -> Generator[None]:
    """Send this process a signal once a program has written its id to `pids`."""

    def send() -> None:
        wait(lambda: pids.exists() and pids.read_text())
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def sleeper(pids: Path) -> tuple[str, ...]:
    return ("sh", "-c", f"echo $$ > {pids}; exec sleep 900")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_whose_handler_only_takes_note_ends_the_program(
    pids: Path, number: signal.Signals
):
    """Dagster only takes note while a run is concluded, and its last fetch went on for an hour."""
    noted: list[int] = []
    with (
        handling(number, lambda which, _: noted.append(which)),
        signalled(number, pids),
        pytest.raises(Stopped, match="before this process was told to"),
    ):
        programs.run(sleeper(pids), seconds=LONG)
    assert noted == [number]
    assert has_ended(int(pids.read_text()))


def test_sigterm_that_nobody_handles_ends_the_program_before_us(pids: Path):
    """Python dies of SIGTERM at once, and git went on without it."""
    with (
        handling(signal.SIGTERM, signal.SIG_DFL),
        signalled(signal.SIGTERM, pids),
        pytest.raises(SystemExit) as raised,
    ):
        programs.run(sleeper(pids), seconds=LONG)
    assert raised.value.code == 128 + signal.SIGTERM
    assert has_ended(int(pids.read_text()))


def test_a_signal_that_is_ignored_stays_ignored():
    with handling(signal.SIGINT, signal.SIG_IGN):
        os.kill(os.getpid(), signal.SIGINT)
        assert programs.run(("echo", "on"), seconds=LONG).output == b"on\n"


def test_a_program_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        programs.run(("/no/such/program",), seconds=LONG)


def test_a_program_without_proc_ends_with_its_group(monkeypatch: pytest.MonkeyPatch, pids: Path):
    monkeypatch.setattr("deploy_project.processes.sessions._PROC", Path("/nowhere"))
    with pytest.raises(Stopped, match="within 2 seconds"):
        programs.run(sleeper(pids), seconds=2, silence=Silence("sh", 0.5))
    assert has_ended(int(pids.read_text()))
