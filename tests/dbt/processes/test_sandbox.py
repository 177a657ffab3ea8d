"""The sandbox of a stranger's processes: what the kernel refuses, and what works as ever."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy_project.dbt.processes import landlock, process, sandbox
from deploy_project.dbt.processes.process import Invocation
from deploy_project.dbt.processes.sandbox import Sandbox
from deploy_project.dbt.processes.scrubbing import Scrubber
from tests.support.running.processes import is_gone
from tests.support.waiting import wait

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(sandbox.not_held()), reason="this kernel can't hold all of it"),
]
PROGRAM = """
import ctypes, glob, mmap, os, pathlib, resource, shutil, signal, socket, subprocess, sys, threading
import fcntl, multiprocessing, sqlite3, tempfile, time

def left(pids, seconds=60):
    "Those of these processes that have an id still, when they have had time to lose it."
    until = time.monotonic() + seconds
    while (found := [each for each in pids if os.path.exists(f"/proc/{each}")]):
        if time.monotonic() > until:
            break
        time.sleep(0.05)
    return found

def main(arguments):
    for each in arguments:
        try:
            said = eval(each)
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        print(str(said).replace(chr(10), " "), flush=True)
    return 0
"""
REFUSED = {
    "a file": "pathlib.Path('{secret}').read_text()",
    "a file of a shell": "subprocess.check_output(['cat', '{secret}'], stderr=subprocess.STDOUT)",
    "a link to a file": "[os.symlink('{secret}', 'to-it'), pathlib.Path('to-it').read_text()]",
    "a hard link": "os.link('{secret}', 'the-same')",
    "a directory": "os.listdir('{outside}')",
    "the shadow file": "pathlib.Path('/etc/shadow').read_text()",
    "the home": "os.listdir('/root')",
    "the temporary files of others": "os.listdir('/tmp')",
    "a new file": "pathlib.Path('{outside}/new').write_text('x')",
    "a longer file": "open('{secret}', 'a').write('x')",
    "a shorter file": "os.truncate('{secret}', 0)",
    "a deleted file": "os.unlink('{secret}')",
    "a moved file": "os.rename('{secret}', 'here')",
    "a file that takes its place": "[pathlib.Path('a').touch(), os.rename('a', '{secret}')]",
    "a new directory": "os.mkdir('{outside}/new')",
    "a deleted directory": "os.rmdir('{outside}/empty')",
    "a pipe": "os.mkfifo('pipe')",
    "a device": "os.mknod('device', 0o20666, os.makedev(1, 3))",
    "a device that is there": "open('/dev/kmsg').read(1)",
    "the environment of the parent": "pathlib.Path('/proc/{parent}/environ').read_bytes()",
    "the environment of its own parent": (
        "pathlib.Path(f'/proc/{{os.getppid()}}/environ').read_bytes()"
    ),
    "the memory of the parent": "open('/proc/{parent}/mem', 'rb')",
    "the arguments of the parent": "pathlib.Path('/proc/{parent}/cmdline').read_bytes()",
    "the list of processes": "os.listdir('/proc')",
    "the files of the parent": "os.listdir('/proc/{parent}/fd')",
    "the root of the parent": "os.listdir('/proc/{parent}/root')",
    "a signal": "os.kill({parent}, 0)",
    "a signal to its own parent": "os.kill(os.getppid(), signal.SIGKILL)",
    "a signal by descriptor": "signal.pidfd_send_signal(os.pidfd_open({parent}), 0)",
    "a limit of the parent": "resource.prlimit({parent}, resource.RLIMIT_NOFILE, (1, 1))",
    "the processors of the parent": "os.sched_setaffinity({parent}, os.sched_getaffinity(0))",
    "the scheduling of the parent": (
        "os.sched_setscheduler({parent}, os.SCHED_OTHER, os.sched_param(0))"
    ),
    "the turns of all processes": (
        "check(ctypes.CDLL(None, use_errno=True).syscall({ioprio_set}, 3, 0, 7 << 13))"
    ),
    "news of a directory": (
        "check((c := ctypes.CDLL(None, use_errno=True)).inotify_add_watch("
        "c.inotify_init(), b'{outside}', 0x100))"
    ),
    "a lease of a file": "fcntl.fcntl(os.open('{reference}', 0), fcntl.F_SETLEASE, fcntl.F_WRLCK)",
    "a delegation of a directory": "fcntl.fcntl(os.open('/usr', 0), 1040, bytes(8))",
    "a signal at news of a directory": "fcntl.fcntl(os.open('/usr', 0), fcntl.F_NOTIFY, 4)",
    "a debugger": "check(ctypes.CDLL(None, use_errno=True).ptrace(16, {parent}, 0, 0))",
    "a socket of this machine": "socket.socket(socket.AF_UNIX).connect('{socket}')",
    "a pair that is sent elsewhere": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "a socket to the hypervisor": "socket.socket(socket.AF_VSOCK)",
    "a raw socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "a root directory": "os.chroot('.')",
    "another user": "os.setuid(1)",
    "a mount": "check(ctypes.CDLL(None, use_errno=True).mount(b'x', b'.', b'tmpfs', 0, 0))",
    "a namespace": "check(ctypes.CDLL(None, use_errno=True).unshare(0x10000000))",
    "shared memory": "check(ctypes.CDLL(None, use_errno=True).shmget(1, 100, 0o1600))",
    "a key of the kernel": "check(ctypes.CDLL(None, use_errno=True).syscall(250, 0, -3, 1))",
    "a ring": "check(ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0))",
    "the time": "time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "the name of the machine": "socket.sethostname('evil')",
}
WORKS = {
    "a file of its own": "[pathlib.Path('own').write_text('x'), os.chmod('own', 0o600)]",
    "a touched file": "[pathlib.Path('new').touch(), os.path.getsize('new')]",
    "a file that a shell touches": "subprocess.check_call(['touch', '-d', '2020-01-01', 'other'])",
    "a copy with its times": "[open('f', 'w').close(), shutil.copy2('f', 'g')]",
    "a temporary file": "tempfile.NamedTemporaryFile().write(b'x')",
    "a lock of a file": "[fcntl.lockf(f := open('lock', 'w'), 2), fcntl.flock(f, 2)]",
    "the flags of a descriptor": "[fcntl.fcntl(0, fcntl.F_GETFL), fcntl.fcntl(0, 1030, 50)]",
    "the lease of a file": "fcntl.fcntl(os.open('{reference}', 0), fcntl.F_GETLEASE)",
    "a lock of processes": "multiprocessing.get_context('spawn').Lock()",
    "a pair of sockets": "socket.socketpair()",
    "a program": "subprocess.check_output(['sh', '-c', 'echo $((1 + 2))'])",
    "a thread": "threading.Thread(target=len, args=('',)).start()",
    "a signal to its child": "subprocess.Popen(['sleep', '1000']).kill()",
    "a name": "socket.getaddrinfo('localhost', 80)",
    "randomness": "open('/dev/urandom', 'rb').read(4)",
    "nothing": "open('/dev/null', 'w').write('x')",
    "the processors": "pathlib.Path('/proc/cpuinfo').read_text()[:1]",
    "itself": "pathlib.Path('/proc/self/status').read_text()[:1]",
    "certificates": "len(os.listdir('/etc/ssl/certs'))",
    "time zones": "os.path.exists('/usr/share/zoneinfo/UTC')",
    "a database": "sqlite3.connect('own.db').execute('create table t (a)')",
    "a reference": "pathlib.Path('{reference}').read_text()",
    "its limits": "resource.getrlimit(resource.RLIMIT_NOFILE)",
    "the network": "socket.create_connection(('127.0.0.1', {port}))",
}
CHECK = (
    "[globals().__setitem__('check', lambda code: code if code >= 0 else (_ for _ in ()).throw("
    "OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))))]"
)


class Stranger:
    """A directory for a stranger's programs, and things outside that it must not touch."""

    def __init__(self, directory: Path) -> None:
        self.own, self.outside = directory / "own", directory / "outside"
        for each in (self.own, self.outside, self.outside / "empty"):
            each.mkdir()
        self.secret, self.reference = self.outside / "secret", directory / "reference"
        self.secret.write_text("precious", encoding="utf-8")
        self.reference.write_text("for all to read", encoding="utf-8")
        self.program = directory / "program.py"
        self.program.write_text(PROGRAM, encoding="utf-8")
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(directory / "socket"))
        self.listening.listen()
        self.server = socket.create_server(("127.0.0.1", 0))

    def close(self) -> None:
        self.listening.close()
        self.server.close()

    def says(self, *expressions: str, limits: Sandbox | None = None) -> list[str]:
        """Return what each expression comes to in one process, an error with its name."""
        port = self.server.getsockname()[1]
        given = {
            "secret": self.secret,
            "outside": self.outside,
            "reference": self.reference,
            "parent": os.getpid(),
            "socket": self.own.parent / "socket",
            "port": port,
            "ioprio_set": {"x86_64": 251, "aarch64": 30}[platform.machine()],
        }
        said: list[str] = []
        invocation = Invocation(
            arguments=tuple(each.format(**given) for each in (CHECK, *expressions)),
            python=Path(sys.executable),
            project_directory=self.own,
            profiles_directory=self.own,
            target_directory=self.own / "target",
            debug_log=self.own.parent / "dbt.log",
            temporary=self.own / "tmp",
            inherited={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            program=self.program,
            sandbox=(limits or Sandbox()).reaching(reads=[self.reference], writes=[self.own]),
        )
        ended = process.run(
            invocation, scrubber=Scrubber([]), on_event=lambda _: None, on_line=said.append
        )
        assert ended.code == 0, said
        return said[1:]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory):
    made = Stranger(tmp_path_factory.mktemp("stranger"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def answers(stranger: Stranger) -> dict[str, str]:
    """What all attempts have come to: one process makes them all, one after the other."""
    said = stranger.says(*REFUSED.values())
    assert len(said) == len(REFUSED)
    return dict(zip(REFUSED, said, strict=True))


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_its_own_is_refused_in_the_kernels_words(
    answers: dict[str, str], stranger: Stranger, what: str
):
    refusals = ("PermissionError: ", "OSError: [Errno 18]", "CalledProcessError: ")
    assert answers[what].startswith(refusals), what
    assert stranger.secret.read_text(encoding="utf-8") == "precious"
    assert sorted(each.name for each in stranger.outside.iterdir()) == ["empty", "secret"]


@pytest.fixture(scope="module")
def works(stranger: Stranger) -> dict[str, str]:
    return dict(zip(WORKS, stranger.says(*WORKS.values()), strict=True))


@pytest.mark.parametrize("what", WORKS)
def test_what_programs_need_works_as_ever(works: dict[str, str], what: str):
    assert "Error" not in works[what], what


def test_the_attempts_succeed_without_a_sandbox(stranger: Stranger):
    """Else they would show nothing."""
    secret, parent = stranger.secret, os.getpid()
    assert secret.read_text(encoding="utf-8") == "precious"
    assert Path(f"/proc/{parent}/environ").read_bytes()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(stranger.own.parent / "socket"))


def test_mode_owner_and_times_of_files_stay(stranger: Stranger):
    """Landlock does not hold them; programs that copy files set them, and must not fail."""
    before = stranger.secret.stat()
    said = stranger.says("os.chmod('{secret}', 0)", "os.utime('{secret}', (0, 0))")
    assert said == ["None", "None"]
    after = stranger.secret.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_the_priority_of_all_processes_stays(stranger: Stranger):
    """Whoever may make one of them wait may make all wait that the same user has started."""
    (said,) = stranger.says("os.setpriority(os.PRIO_USER, 0, 1)")
    assert said == "PermissionError: [Errno 1] Operation not permitted", "of the filter, at once"
    assert stranger.says("os.setpriority(os.PRIO_PROCESS, 0, 19)") == ["None"]


def test_a_named_socket_is_reached_where_the_connection_names_one(stranger: Stranger):
    (said,) = stranger.says(REFUSED["a socket of this machine"], limits=Sandbox(unix_sockets=True))
    assert said == "None"


def test_only_the_named_ports_are_reached(stranger: Stranger):
    port = stranger.server.getsockname()[1]
    assert "Permission" in stranger.says(WORKS["the network"], limits=Sandbox(ports=(1,)))[0]
    assert "Permission" in stranger.says(WORKS["the network"], limits=Sandbox(ports=()))[0]
    assert "socket" in stranger.says(WORKS["the network"], limits=Sandbox(ports=(port,)))[0]


def test_memory_has_its_limit(stranger: Stranger):
    wanted = "len(bytearray(2 << 30))"
    assert stranger.says(wanted) == [str(2 << 30)]
    assert "MemoryError" in stranger.says(wanted, limits=Sandbox(memory=1 << 30))[0]


@pytest.mark.parametrize(
    "left",
    [
        "subprocess.Popen(['sleep', '1000']).pid",
        "subprocess.Popen(['sleep', '1000'], start_new_session=True).pid",
        "int(subprocess.check_output('setsid sleep 1000 >/dev/null & echo $!', shell=True))",
        "int(subprocess.check_output('setsid sh -c \"sleep 99 &\" >&2 & echo $!', shell=1))",
    ],
)
def test_nothing_that_it_has_started_outlives_it(stranger: Stranger, left: str):
    (said,) = stranger.says(left)
    wait(lambda: is_gone(int(said)))


def test_orphans_that_have_ended_give_their_ids_back_while_it_runs(stranger: Stranger):
    """They stayed with the process that adopts them, until the machine had no ids any more."""
    orphans = "sh -c 'for each in 1 2 3 4 5; do sleep 0 & echo $!; done'"
    started = f"subprocess.check_output({orphans!r}, shell=True, text=True).split()"
    assert stranger.says(f"len({started})", f"left({started})") == ["5", "[]"]


def test_the_exit_code_of_a_fork_is_not_taken_with_those_of_orphans():
    code = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import child

def ended(code):
    made = os.fork()
    if made == 0:
        os._exit(code)
    os.waitid(os.P_PID, made, os.WEXITED | os.WNOWAIT)
    return made

child.reap_orphans([])
orphan, own, second = ended(1), ended(7), ended(2)
child.reap_orphans([own])
print(os.waitstatus_to_exitcode(os.waitpid(own, 0)[1]))
child.reap_orphans([])
print([each for each in (orphan, own, second) if os.path.exists(f"/proc/{each}")])
"""
    words = [sys.executable, "-I", "-c", code, str(Path(landlock.__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "7\n[]\n"


def test_a_machine_keeps_ids_for_others():
    """A program could start processes until nobody else could start one.

    The kernel does not hold root to it, so root gives its rights away here.
    """
    code = """
import os, sys
sys.path.insert(0, sys.argv[1])
import landlock
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
landlock.hold([], [], ports=None, memory=None)
made, (reads, writes) = [], os.pipe()
try:
    while len(made) < 4000:
        process = os.fork()
        if process == 0:
            os.close(writes)
            os.read(reads, 1)  # until whoever has started it is gone
            os._exit(0)
        made.append(process)
except BlockingIOError:
    print("refused")
os.close(writes)
for each in made:
    os.waitpid(each, 0)
print(len(made))
"""
    words = [sys.executable, "-I", "-c", code, str(Path(landlock.__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    refused, count = done.stdout.split()
    assert refused == "refused"
    assert int(count) >= 500


def test_a_process_with_threads_is_not_held_by_half(
    stranger: Stranger, monkeypatch: pytest.MonkeyPatch
):
    code = (
        "import threading, sys; sys.path.insert(0, sys.argv[1]); import landlock\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "landlock.hold([], [], ports=None, memory=None)"
    )
    words = [sys.executable, "-I", "-c", code, str(Path(landlock.__file__).parent)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert "this process has several threads" in done.stderr


def test_it_takes_some_milliseconds_at_most(stranger: Stranger):
    """The limit is 5 ms on an idle machine; twenty holds of a busy one tell its least."""
    code = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
import landlock, seccomp
reads = sys.argv[2:]
for _ in range(20):
    child = os.fork()
    if child == 0:
        began = time.perf_counter()
        landlock.hold(reads, ["/dev/null"], ports=None, memory=None)
        seccomp.hold(unix_sockets=False)
        print(1000 * (time.perf_counter() - began), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    reads = Sandbox().order()["reads"]
    words = [sys.executable, "-I", "-c", code, str(Path(landlock.__file__).parent), *reads]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert min(map(float, done.stdout.split())) < 5


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (0, "files"),
        (2, "files that are truncated"),
        (5, "signals to other processes"),
    ],
)
def test_what_an_older_kernel_does_not_hold_is_named(version: int, expected: str):
    assert expected in landlock.missing(version)
    assert landlock.missing(6) == []


def test_nothing_is_open_that_the_parent_has_open(stranger: Stranger):
    """What is open already is not asked for again: it must not be there."""
    (said,) = stranger.says("sorted(os.readlink(f) for f in glob.glob('/proc/self/fd/*') if True)")
    assert "socket:" not in said
    assert str(stranger.outside) not in said
