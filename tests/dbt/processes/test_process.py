"""One command is one process: what it is given, what it says, how it ends.

A small program stands for the Python of an installation, so that no dbt has to start.
"""

import json
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

from deploy_project.dbt.arguments.commands import ListCommand
from deploy_project.dbt.artifacts.events import LONGEST_TEXT, Event, Listed, NodeFinished, Version
from deploy_project.dbt.processes import process
from deploy_project.dbt.processes.child import EventWriter
from deploy_project.dbt.processes.process import Exit, Invocation, variables
from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.errors import DbtError
from deploy_project.processes import deadlines
from tests.support.waiting import PATIENCE, wait

Program = Callable[[str], Invocation]

PREAMBLE = """
    import json, os, signal, sys, time
    order = json.loads(sys.stdin.readline() or sys.exit(3))
    events = int(sys.argv[-1])
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["variables"])
    def event(**fact):
        os.write(events, (json.dumps(fact) + "\\n").encode())
"""
ENDLESS = """
    print(os.getpid(), flush=True)
    event(event="MainReportVersion", dbt_version="1", invocation_id="i")
    while True:
        time.sleep(0.05)
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def make(body: str) -> Invocation:
        python = tmp_path / "python"
        text = textwrap.dedent(PREAMBLE) + textwrap.dedent(body)
        python.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
        python.chmod(0o755)
        return Invocation(
            arguments=("build", "--select", "a b"),
            python=python,
            project_directory=tmp_path,
            profiles_directory=tmp_path / "profiles",
            target_directory=tmp_path / "step" / "target",
            debug_log=tmp_path / "step" / "dbt.log",
            temporary=tmp_path / "tmp",
        )

    return make


class Heard:
    """What came of one process."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[Event] = []
        self.exit: Exit | None = None

    def run(self, invocation: Invocation, *secrets: str, timeout: float | None = None) -> Exit:
        self.exit = process.run(
            invocation,
            scrubber=Scrubber(secrets),
            on_event=self.events.append,
            on_line=self.lines.append,
            timeout_seconds=timeout,
        )
        return self.exit


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def timed_out(invocation: Invocation, *, lines: int = 1) -> Heard:
    """What came of a process that was ended for taking too long, after so many lines of it."""
    for limit in (0.5, 10, 300):  # a slow machine needs longer until it has begun
        heard = Heard()
        ended = heard.run(invocation, timeout=limit)
        assert ended.timed_out
        assert ended.code != 0
        if len(heard.lines) >= lines:
            return heard
    raise AssertionError("it has said nothing")


def test_the_order_the_events_and_the_lines(program: Program, tmp_path: Path):
    heard = Heard()
    ended = heard.run(
        program("""
        print(json.dumps({key: order[key] for key in ("arguments", "debug_log")}))
        print("both streams", file=sys.stderr)
        event(event="MainReportVersion", dbt_version="1.11", invocation_id="i")
        print(os.getcwd())
        sys.exit(2)
        """)
    )
    assert ended == Exit(2)
    assert json.loads(next(line for line in heard.lines if line.startswith("{"))) == {
        "arguments": ["build", "--select", "a b"],
        "debug_log": str(tmp_path / "step" / "dbt.log"),
    }
    assert {"both streams", str(tmp_path)} <= set(heard.lines)
    assert heard.events == [Version("1.11", "i")]
    assert (tmp_path / "step" / "target").is_dir()


def test_no_secret_is_in_the_lines_or_on_the_command_line(program: Program):
    invocation = program("""
        print("the password is", os.environ["DBT_PASSWORD"])
        print(open("/proc/self/cmdline").read())
    """)
    heard = Heard()
    heard.run(replace(invocation, variables={"DBT_PASSWORD": "hush-hush"}), "hush-hush")
    assert heard.lines[0] == "the password is *****"
    assert "child.py" in heard.lines[1]
    assert "hush-hush" not in str(heard.lines)


def test_the_process_is_told_no_secret_but_those_that_it_may_know(program: Program, tmp_path: Path):
    """Python models run in it, and it was handed git's token, with which to scrub."""
    invocation = program("""
        with open("told", "w") as file:
            file.write(json.dumps(order) + open("/proc/self/environ").read())
        print("gi" + "t-token", os.environ["DBT_PASSWORD"])
    """)
    may_know = replace(
        invocation, variables={"DBT_PASSWORD": "hush-hush"}, secrets=("hush-hush", "hush%2Dhush")
    )
    heard = Heard()
    heard.run(may_know, "hush-hush", "git-token")
    told = (tmp_path / "told").read_text(encoding="utf-8")
    assert '"secrets": ["hush-hush", "hush%2Dhush"]' in told
    assert "git-token" not in told
    assert heard.lines == ["***** *****"], "what it finds elsewhere is scrubbed all the same"


def test_the_process_inherits_nothing_but_what_it_is_given(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    """The first environment of a process stays readable, whatever it is told later."""
    monkeypatch.setenv("GIT_TOKEN", "git-token")
    invocation = program("""
        print(open("/proc/self/environ").read().rstrip("\\0").split("\\0"))
        listed = os.listdir("/proc/self/fd")  # and what lists it, which is closed by then
        print(*(each for each in listed if os.path.exists(f"/proc/self/fd/{each}")))
        print(0, 1, 2, events)
    """)
    heard = Heard()
    heard.run(replace(invocation, inherited={"LANG": "C.UTF-8"}))
    assert heard.lines[0] == "['LANG=C.UTF-8']"
    assert set(heard.lines[1].split()) == set(heard.lines[2].split())


def test_a_line_without_an_end_is_heard_in_parts_of_which_none_tells_half_a_secret(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "LONGEST_LINE", 3000)  # the longest spelling is shorter
    heard = Heard()
    invocation = program("""
        print("short")
        for length in range(2990, 3010):
            print("x" * length + os.environ["DBT_PASSWORD"] + "y" * length)
        print("the end", end="")
    """)
    heard.run(replace(invocation, variables={"DBT_PASSWORD": "hush-hush"}), "hush-hush")
    expected = "".join(f"{'x' * length}*****{'y' * length}" for length in range(2990, 3010))
    assert "".join(heard.lines) == f"short{expected}the end"
    assert max(map(len, heard.lines)) < 6000


def test_a_line_of_50_megabytes_is_heard_in_small_parts(program: Program):
    lines: list[int] = []
    process.run(
        program("print('x' * 50_000_000)"),
        scrubber=Scrubber(["hush-hush"]),
        on_event=lambda _: None,
        on_line=lambda line: lines.append(len(line)),
    )
    assert sum(lines) == 50_000_000
    assert max(lines) < 2 * process.LONGEST_LINE


def test_an_event_that_was_cut_off_is_left_out(program: Program):
    heard = Heard()
    ended = heard.run(
        program("""
        event(event="MainReportVersion", dbt_version="1.11", invocation_id="i")
        os.write(events, b'{"event":"NodeSt')
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    assert ended == Exit(-signal.SIGKILL)
    assert heard.events == [Version("1.11", "i")]


def test_a_long_message_is_told_in_part_and_no_half_of_a_secret_with_it(program: Program):
    heard = Heard()
    heard.run(
        program(f"""
        message = "x" * {LONGEST_TEXT - 3} + "hush-hush" + "y" * 100
        node = dict.fromkeys(
            ["unique_id", "resource_type", "name", "materialized", "relation", "started_at",
             "finished_at", "status", "thread"], ""
        )
        event(
            event="NodeFinished", **node, message=message, failures=0, execution_seconds=1,
            timing={{}}, adapter_response={{"query": ["a hush-hush b"]}},
        )
        """),
        "hush-hush",
    )
    (told,) = heard.events
    assert isinstance(told, NodeFinished)
    assert told.message == f"{'x' * (LONGEST_TEXT - 3)}***… (102 more characters)"
    assert told.adapter_response == {"query": ["a ***** b"]}


def test_the_debug_log_hides_what_the_process_knows(tmp_path: Path):
    read, write = os.pipe()
    writer = EventWriter(write, str(tmp_path / "dbt.log"), ["hush", "hush-hush"])
    assert writer.scrubbed("a hush-hush, a hush") == "a *****, a *****"
    writer.close()
    os.close(read)


def test_a_process_that_dies_at_once_is_an_exit_code(program: Program):
    heard = Heard()
    assert heard.run(program("os.kill(os.getpid(), signal.SIGKILL)")) == Exit(-signal.SIGKILL)


def test_a_python_that_is_not_there_is_told(program: Program):
    invocation = replace(program(""), python=Path("/nowhere/bin/python"))
    with pytest.raises(DbtError, match="could not be started with /nowhere/bin/python"):
        Heard().run(invocation)


def test_a_directory_that_is_not_there_is_told(program: Program, tmp_path: Path):
    invocation = replace(program(""), project_directory=tmp_path / "gone")
    with pytest.raises(DbtError, match=r"could not be started: there is no directory .*gone"):
        Heard().run(invocation)


def test_what_no_process_can_be_given_is_told(program: Program):
    for told in ({"arguments": ("run", "a\0b")}, {"variables": {"DBT_REGION": "a\0b"}}):
        with pytest.raises(DbtError, match="could not be started: embedded null byte in its comma"):
            Heard().run(replace(program(""), **told))


OTHER = """
import os, time

def main(arguments):
    print(arguments[0], os.environ["DBT_PROFILES_DIR"], os.getcwd(), flush=True)
    while arguments[0] == "for ever":
        time.sleep(0.05)
    return 7
"""


@pytest.mark.slow
def test_another_program_in_dbts_place_has_its_surroundings_and_protection(
    program: Program, tmp_path: Path
):
    file = tmp_path / "other.py"
    file.write_text(OTHER, encoding="utf-8")
    invocation = replace(program(""), python=Path(sys.executable), program=file)
    heard = Heard()
    assert heard.run(replace(invocation, arguments=("--hush a;b",)), "hush") == Exit(7)
    assert heard.lines == [f"--***** a;b {tmp_path / 'profiles'} {tmp_path}"]
    ended = heard.run(replace(invocation, arguments=("for ever",)), timeout=3)
    assert ended.timed_out
    assert ended.code != 0


def test_a_process_that_takes_too_long_is_ended(program: Program, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "GRACE_SECONDS", 3600)  # it ends when it is asked to
    heard = timed_out(program(ENDLESS))
    assert not is_running(int(heard.lines[0]))


def test_a_run_without_time_left_is_ended_too(program: Program):
    assert Heard().run(program(ENDLESS), timeout=0).timed_out


def test_a_process_that_ends_in_time_has_not_timed_out(program: Program):
    assert Heard().run(program(""), timeout=PATIENCE) == Exit(0)


def test_an_interrupt_in_a_finalizer_ends_the_process_too(program: Program):
    """Python prints and ignores what a finalizer raises; Dagster's log writer has many."""
    heard = Heard()

    class Interrupting:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    def listen(_: Event) -> None:
        Interrupting()

    with pytest.raises(KeyboardInterrupt):
        process.run(
            program(ENDLESS),
            scrubber=Scrubber(()),
            on_event=listen,
            on_line=heard.lines.append,
            timeout_seconds=PATIENCE,
        )
    assert not is_running(int(heard.lines[0]))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_while_listening_ends_the_process(program: Program):
    class UnexpectedError(Exception):
        pass

    def listen(_: Event) -> None:
        raise UnexpectedError

    lines: list[str] = []
    with pytest.raises(UnexpectedError):
        process.run(program(ENDLESS), scrubber=Scrubber([]), on_event=listen, on_line=lines.append)
    assert not is_running(int(lines[0]))


@pytest.mark.parametrize("ignored", [("INT",), ("INT", "TERM")])
def test_what_ignores_politeness_and_has_children_is_killed_whole(
    ignored: tuple[str, ...], program: Program, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(process, "TERM_SECONDS", 0.5)
    invocation = program(f"""
        import subprocess
        for name in {ignored}:
            signal.signal(signal.Signals["SIG" + name], signal.SIG_IGN)
        child = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 3600 & wait; sleep 3600"])
        print(child.pid, flush=True)
        {ENDLESS.strip()}
    """)
    heard = timed_out(invocation, lines=2)
    child, parent = (int(line) for line in heard.lines[:2])
    assert not is_running(parent)
    wait(lambda: not is_running(child))


STUBBORN = """
    import os, signal, subprocess, sys
    sys.path.insert(0, os.path.dirname(sys.argv[1]))  # a dbt that does not listen
    from deploy_project.dbt.processes import child
    child.GRACE_SECONDS = 0.5
    sys.exit(child.main(sys.argv[2:]))
"""
DEAF_DBT = """
    import os, signal, subprocess, time
    class dbtRunner:
        def __init__(self, manifest, callbacks): pass
        def invoke(self, arguments):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print(os.getpid(), subprocess.Popen(["sleep", "3600"]).pid, flush=True)
            while True:
                time.sleep(0.05)
"""


def test_what_ignores_the_interrupt_is_killed_whole_when_the_parent_is_gone(tmp_path: Path):
    """Dbt was killed, but not what it had started."""
    fake = tmp_path / "dbt" / "cli"
    fake.mkdir(parents=True)
    for directory in (fake, fake.parent):
        (directory / "__init__.py").touch()
    (fake / "main.py").write_text(textwrap.dedent(DEAF_DBT), encoding="utf-8")
    read, write = os.pipe()
    order = {
        "program": None,
        "before": None,
        "arguments": [],
        "directory": str(tmp_path),
        "variables": dict(os.environ),
        "debug_log": str(tmp_path / "log"),
        "secrets": [],
        "sandbox": None,
    }
    started = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STUBBORN), str(fake.parent), str(write)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[write],
        start_new_session=True,
    )
    os.close(write)
    assert started.stdin is not None
    assert started.stdout is not None
    started.stdin.write((json.dumps(order) + "\n").encode())
    started.stdin.flush()
    pids = [int(word) for word in started.stdout.readline().split()]
    assert all(is_running(pid) for pid in pids)
    started.stdin.close()  # as when the parent is gone
    assert started.wait(PATIENCE) == -signal.SIGKILL
    wait(lambda: not any(is_running(pid) for pid in pids))
    started.stdout.close()
    os.close(read)


@pytest.mark.slow
def test_dbt_ends_when_its_parent_is_killed(tmp_path: Path):
    """A run worker that was killed with SIGKILL left dbt behind, still writing to the warehouse."""
    program = tmp_path / "parent.py"
    program.write_text(
        textwrap.dedent(f"""
            import json, os, signal, subprocess, sys
            read, write = os.pipe()
            child = subprocess.Popen(
                [sys.executable, "-I", {str(Path(process.__file__).with_name("child.py"))!r},
                 str(write)],
                stdin=subprocess.PIPE, pass_fds=[write], start_new_session=True,
            )
            order = {{
                "program": None, "before": None, "arguments": ["init"],
                "directory": {str(tmp_path)!r},
                "variables": dict(os.environ), "debug_log": "l", "secrets": [],
                "sandbox": None,
            }}
            child.stdin.write((json.dumps(order) + "\\n").encode())
            child.stdin.flush()
            print(child.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """),
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    pid = int(done.stdout.split()[0])
    wait(lambda: not is_running(pid))


def test_the_environment_of_dbt(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("DBT_TARGET", "somebody's own")
    monkeypatch.setenv("PGHOST", "nobody's")
    ours = {"PGSSLMODE": "require", "PYTHONUNBUFFERED": "0"}
    given = {"DBT_REGION": "all", "DBT_PROJECT_DIR": "/nowhere"}
    found = variables(replace(program(""), inherited=ours, variables=given))
    assert {name: value for name, value in found.items() if not name.startswith("DBT_")} == {
        "PGSSLMODE": "require",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(tmp_path / "tmp"),
    }
    assert {name: value for name, value in found.items() if name.startswith("DBT_")} == {
        "DBT_REGION": "all",
        "DBT_PROJECT_DIR": ".",
        "DBT_PROFILES_DIR": str(tmp_path / "profiles"),
        "DBT_TARGET_PATH": str(tmp_path / "step" / "target"),
        "DBT_LOG_PATH": str(tmp_path / "step"),
        "DBT_LOG_LEVEL_FILE": "none",
        "DBT_USE_FAST_TEST_EDGES": "true",
        "DBT_USE_COLORS": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def test_deferral_is_told_through_the_environment(program: Program):
    found = variables(replace(program(""), state=Path("/state")))
    assert (found["DBT_STATE"], found["DBT_DEFER"]) == ("/state", "true")


def test_lines_are_heard_while_the_process_runs(program: Program, tmp_path: Path):
    heard = Heard()
    worker = threading.Thread(
        target=heard.run,
        args=(
            program("""
        print("early", flush=True)
        while not os.path.exists("heard"):
            time.sleep(0.02)
        """),
        ),
    )
    worker.start()
    wait(lambda: heard.lines)
    assert heard.exit is None
    (tmp_path / "heard").touch()
    worker.join()
    assert heard.exit == Exit(0)


def test_the_deadline_ends_dbt_and_what_has_left_its_session(program: Program, tmp_path: Path):
    """What `dbt deps` had started in a session of its own outlived the run."""
    pid = tmp_path / "pid"
    body = f"""
    import subprocess
    subprocess.Popen(["setsid", "sh", "-c", "echo $$ > {pid}; exec sleep 900"])
    while True:
        time.sleep(0.05)
    """
    heard = Heard()
    with deadlines.within(4):
        ended = heard.run(program(body), timeout=600)
    assert ended.timed_out
    wait(lambda: not is_running(int(pid.read_text())))


def test_a_signal_whose_handler_only_takes_note_ends_dbt(program: Program):
    """Dagster only takes note while a run is concluded, and dbt went on."""
    heard, noted = Heard(), list[int]()
    before = signal.signal(signal.SIGINT, lambda number, _: noted.append(number))
    timer = threading.Timer(3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        ended = heard.run(program(ENDLESS))
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)
    assert ended.code != 0
    assert noted == [signal.SIGINT]
    assert not is_running(int(heard.lines[0]))


def test_events_that_are_no_text_do_not_keep_a_command_for_ever(program: Program):
    """The thread that read them ended, and nobody heard of the end of the command."""
    invocation = program("os.write(events, b'\\xff\\xfe\\n')")
    with pytest.raises(DbtError, match="a line among dbt's events is none"):
        Heard().run(invocation)


@pytest.mark.parametrize("asked", [None, ListCommand((), ("unique_id",))], ids=["none", "one"])
def test_a_listing_that_nobody_has_asked_for_is_not_heard(
    program: Program, asked: ListCommand | None
):
    """A pull request could enter schemas for which dbt has not listed a node."""
    heard = Heard()
    body = "for n in range(2): event(event='Listed', nodes=[{'unique_id': f'n{n}'}], problem='')"
    with pytest.raises(DbtError, match="a list of nodes that nobody has asked for"):
        heard.run(replace(program(body), before=asked))
    assert heard.events == ([Listed([{"unique_id": "n0"}], "")] if asked else [])


def test_an_event_without_an_end_is_not_read_to_it(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    """It took all memory."""
    monkeypatch.setattr(process, "LONGEST_EVENT", 1 << 16)
    began = time.monotonic()
    with pytest.raises(DbtError, match="has more than 65,536 characters"):
        Heard().run(program("while True: os.write(events, b'x' * 4096)"))
    assert time.monotonic() - began < PATIENCE


def test_events_that_nobody_has_heard_yet_are_not_taken_in(
    program: Program, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "_WAITING", 3)
    heard: list[Event] = []

    def hear(event: Event) -> None:
        time.sleep(0.01)
        heard.append(event)

    process.run(
        program("for n in range(50): event(event='Problem', message='x' * n)"),
        scrubber=Scrubber([]),
        on_event=hear,
        on_line=lambda _: None,
    )
    assert len(heard) == 50
