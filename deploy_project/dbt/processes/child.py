"""The program that runs one dbt command; executed as a script by the Python of any dbt.

It imports nothing of this package, since that Python may not have it. Its argument is the
descriptor for events, and `--ahead` where the command is still to come. With `--forks` and the
descriptor of a socket instead, it imports dbt once and forks for each command that the parent asks
for (`forks`); with `--forks-of-strangers`, nothing that a fork has started outlives it.

Standard input carries one line of JSON, `{"arguments": […], "directory": <path>, "variables": {…},
"debug_log": <path>, "secrets": […], "program": <path or null>, "before": <null or {"parse": […],
"ls": […]}>, "sandbox": <null or as `Sandbox.order` makes it>}`, and stays open as long as the
parent lives. A `sandbox` holds the process before it does anything else. `directory` becomes the
working directory, and `variables` become the whole environment. `secrets` are those among them,
which the debug log must not hold; of any other this process knows nothing, for the project's code
runs in it. Standard output is dbt's own console text. The events descriptor receives one line of
JSON for each node that starts, finishes or is skipped, and for each error that is no node's. A
`program` takes dbt's place: the `main` of that file gets the arguments. With `before`, dbt parses
and lists by these arguments first, writes the listing as an event, and begins the command only when
one more byte comes from standard input.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.util
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Collection
from typing import Any

GRACE_SECONDS = 20
"""How long dbt may take to cancel its queries before it is killed."""
DEAF_SECONDS = 3
"""How long a signal may go unnoticed: inside a query, Python's main thread hears none."""
LOST_SECONDS = 10
"""When dbt has not ended by then, it has not heard its interrupt."""
REAPS_MILLISECONDS = 500
"""The time after which ended orphans are reaped, which have their ids of processes until then."""
COLLECTED_AFTER = 50_000
"""So many new objects are made between two searches for unused ones; ten megabytes or so."""
BE_A_SUBREAPER = 36
"""The option of `prctl`."""
VALIDATED = ("Configuration", "PackageConfig", "Project", "ProjectFlags")
"""The classes that each command derives a schema from: a third of its time in a small project."""
ADAPTERS = ("duckdb", "postgres")
"""Adapters that nothing but modules is left of when they are imported: no thread, no socket."""


class EventWriter:
    """Writes dbt's node events as JSON lines, and every event to the debug log."""

    def __init__(self, events: int, debug_log: str, secrets: list[str]) -> None:
        self._events = os.fdopen(events, "w", buffering=1, encoding="utf-8")
        self._debug = open(debug_log, "a", buffering=1 << 16, encoding="utf-8")  # noqa: SIM115
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._lock = threading.Lock()  # dbt fires events from all of its threads

    def scrubbed(self, text: str) -> str:
        """Return `text` without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "*****")
        return text

    def __call__(self, event: Any) -> None:
        """Write one of dbt's events where it belongs."""
        info = event.info
        moment = info.ts.ToDatetime().isoformat(sep=" ", timespec="milliseconds")
        line = f"{moment} [{info.level:<5}] [{info.thread}]: {info.msg}\n"
        with self._lock:
            self._debug.write(self.scrubbed(line))
            described = _DESCRIBED.get(info.name)
            fact = described(event.data) if described else None
            if fact is not None:
                if info.name == "MainReportVersion":
                    fact["invocation_id"] = info.invocation_id
                self._tell(_TOLD_AS.get(info.name, info.name), fact)

    def listed(self, nodes: list[Any], problem: str) -> None:
        """Write the nodes that dbt has listed before the command, or the reason why it failed."""
        with self._lock:
            self._tell("Listed", {"nodes": nodes, "problem": problem})

    def _tell(self, name: str, fact: dict[str, Any]) -> None:
        told = {"event": name, **fact}  # secrets and all: the parent knows more of them
        self._events.write(json.dumps(told, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Write buffered text, and close both files."""
        with self._lock:
            self._debug.close()
            self._events.close()


def _node(data: Any) -> dict[str, Any]:
    node = data.node_info
    return {
        "unique_id": node.unique_id,
        "resource_type": node.resource_type,
        "name": node.node_name,
        "materialized": node.materialized,
        "relation": node.node_relation.relation_name,
        "started_at": node.node_started_at,
        "finished_at": node.node_finished_at,
    }


def _numbered(data: Any) -> dict[str, Any]:
    return {"unique_id": data.node_info.unique_id, "index": data.index, "total": data.total}


def _finished(data: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict  # there wherever dbt is

    result = data.run_result
    return {
        **_node(data),
        "status": data.node_info.node_status,
        "message": result.message,
        "thread": result.thread,
        "execution_seconds": result.execution_time,
        "failures": result.num_failures,
        "timing": {
            each.name: [each.started_at.ToJsonString(), each.completed_at.ToJsonString()]
            for each in result.timing_info
        },
        "adapter_response": MessageToDict(result.adapter_response),
    }


def _version(data: Any) -> dict[str, Any]:
    return {"dbt_version": data.version.removeprefix("=")}


def _adapter(data: Any) -> dict[str, Any]:
    return {"name": data.adapter_name, "version": data.adapter_version.removeprefix("=")}


def _problem(data: Any) -> dict[str, Any] | None:
    return {"message": data.exc} if data.exc.strip() else None


def _failed(data: Any) -> dict[str, Any] | None:
    """Return the failure of a hook; those of nodes are written when they finish."""
    return {"message": data.msg} if data.node_info.resource_type == "operation" else None


_DESCRIBED = {
    "MainReportVersion": _version,
    "AdapterRegistered": _adapter,
    "NodeStart": _node,
    "LogStartLine": _numbered,
    "SkippingDetails": _numbered,
    "NodeFinished": _finished,
    "MainEncounteredError": _problem,
    "RunningOperationCaughtError": _problem,
    "RunningOperationUncaughtError": _problem,
    "RunResultError": _failed,
}
_TOLD_AS = {name: "Problem" for name, each in _DESCRIBED.items() if each in (_problem, _failed)}


def first_line(descriptor: int) -> str:
    """Return the first line, unbuffered: a lock on `sys.stdin` would break interpreter exit."""
    read = b""
    while not read.endswith(b"\n"):
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            break
        read += chunk
    return read.decode()


def hear_the_parent(proceed: threading.Event, orphaned: threading.Event) -> None:
    """Set `proceed` at the parent's word; interrupt dbt when it is gone: standard input ends."""
    while os.read(0, 1):
        proceed.set()
    orphaned.set()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_SECONDS)
    kill_the_group()


def kill_the_group() -> None:
    """Kill this process and all that dbt has started, such as the git of a package."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


class Interrupts:
    """Interrupts dbt at the first SIGINT or SIGTERM, so that it cancels its queries.

    Further ones, which systemd and the parent may well send together, would interrupt just that.
    A shell that starts a job in the background leaves SIGINT ignored, and dbt would never stop.
    """

    def __init__(self) -> None:
        self._seen = threading.Event()
        self._arrived, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def watch(self) -> None:
        """Have a thread see to it that an interrupt is heard; a sandbox comes before threads."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _interrupt(self, number: int, frame: object) -> None:
        if not self._seen.is_set():
            self._seen.set()
            raise KeyboardInterrupt

    def _watch(self) -> None:
        """Cancel the queries here when the main thread waits for one itself, as hooks make it.

        Or when it has raised where Python ignores it: in the callback of a weak reference, say.
        """
        os.read(self._arrived, 1)
        if self._seen.wait(DEAF_SECONDS):
            time.sleep(LOST_SECONDS)
        cancel_queries()


def cancel_queries() -> None:
    """Cancel the running queries of dbt's connections, where the adapter can."""
    from dbt.adapters.factory import FACTORY

    factory: Any = FACTORY
    for adapter in list(factory.adapters.values()):
        if adapter.is_cancelable():
            with adapter.connection_named("cancel"):
                adapter.cancel_open_connections()


def import_dbt(*, ahead: bool = False) -> None:
    """Import dbt, and have Python collect garbage seldom; `ahead` of a command, do more for it.

    The modules stay, and so does the manifest, which grows with the project: with Python's own
    threshold it is searched again and again, for a twentieth of the time of a large build.
    """
    gc.disable()
    importlib.import_module("dbt.cli.main")
    with contextlib.suppress(ImportError):  # of a dbt that makes its events otherwise
        beside("quick_events").install()
    if ahead:
        derive_schemas()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    gc.enable()
    atexit.register(gc.freeze)  # all objects left go with the process


def derive_schemas() -> None:
    """Derive the schemas that dbt keeps for as long as a process lives, and import its adapters."""
    with contextlib.suppress(Exception):  # of another dbt; each command derives its own then
        contracts = importlib.import_module("dbt.contracts.project")
        for name in VALIDATED:
            getattr(contracts, name).json_schema()
    for name in ADAPTERS:
        with contextlib.suppress(Exception):  # most environments have one of them
            importlib.import_module(f"dbt.adapters.{name}").Plugin.credentials.json_schema()


def hush() -> None:
    """Say nothing more on standard error.

    An extension made with nanobind, as DuckDB's is, lists all that is left of it when the process
    ends; and objects that live to its end are never collected here (`import_dbt`).
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stderr.fileno())


def forks(control: socket.socket, *, of_strangers: bool) -> tuple[int, int] | None:
    """Fork for each command; return, in the fork, the descriptors for its events and exit code.

    A message of the parent's has the descriptors of a command's standard input, its standard
    output, its events and its exit code: the fork itself writes that, where it lives to. The
    answers are JSON: `{"begun": <pid>}` by a fork that leads a session of its own, and `{"ended":
    <pid>, "code": <exit code>}`. Return None when the parent is gone. What forks `of_strangers`
    have started is killed when they have ended, or soon after the parent.

    Whatever forks must have a single thread, and must never have parsed: dbt's parser leaves native
    threads, and a fork without them waits for them for ever.
    """
    if of_strangers:
        adopt_orphans()
    running: dict[int, int] = {}
    awaited = select.poll()
    awaited.register(control, select.POLLIN)
    while True:
        for descriptor, _ in awaited.poll(REAPS_MILLISECONDS if of_strangers else None):
            if descriptor == control.fileno():
                message, given, _, _ = socket.recv_fds(control, 1, 4)
                if not message:
                    if of_strangers:
                        await_forks(running)
                        kill_children()
                    return None
                process = os.fork()
                if process == 0:
                    return forked(control, given, running)
                awaited.register(begun := os.pidfd_open(process), select.POLLIN)
                running[begun] = process
                for each in given:
                    os.close(each)
            else:
                awaited.unregister(descriptor)
                os.close(descriptor)
                process, status = os.waitpid(running.pop(descriptor), 0)
                if of_strangers and not running:
                    kill_children()
                tell(control, {"ended": process, "code": os.waitstatus_to_exitcode(status)})
        reap_orphans(running.values())


def adopt_orphans() -> None:
    """Become the parent of all processes that descend from this one and have lost theirs."""
    libc: Any = ctypes.CDLL(None)
    libc.prctl(BE_A_SUBREAPER, 1, 0, 0, 0)


def await_forks(running: dict[int, int]) -> None:
    """Wait for forks that have lost their parent's parent, too; they end by themselves."""
    until = time.monotonic() + GRACE_SECONDS + DEAF_SECONDS
    while running and time.monotonic() < until:
        ended, _, _ = select.select(list(running), [], [], REAPS_MILLISECONDS / 1000)
        for each in ended:
            os.waitpid(running.pop(each), 0)
        reap_orphans(running.values())


def reap_orphans(forks: Collection[int]) -> None:
    """Take the exit codes of children that have ended and are none of `forks`.

    The oldest child comes first: one of `forks` that has ended has the others wait for the next
    time.
    """
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in forks:
                return
            os.waitpid(ended.si_pid, 0)


def kill_children() -> None:
    """Kill the children of this process, theirs, and those that become its own meanwhile."""
    while found := descendants():
        for each in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


def descendants() -> set[int]:
    """Return the ids of all processes below this one, ended ones that nobody waits for, too."""
    parents: dict[int, int] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found, new = set[int](), {os.getpid()}
    while new:
        new = {each for each, parent in parents.items() if parent in new} - found
        found |= new
    return found


def forked(control: socket.socket, given: list[int], running: dict[int, int]) -> tuple[int, int]:
    """Make this fork a process of its own; return the descriptors for its events and exit code."""
    os.setsid()
    stdin, stdout, events, code = given
    for source, target in ((stdin, 0), (stdout, 1), (stdout, 2)):
        os.dup2(source, target)
    for each in (stdin, stdout, *running):
        os.close(each)
    for each in (events, code):
        os.set_inheritable(each, False)
    tell(control, {"begun": os.getpid()})
    control.close()
    return events, code


def tell(control: socket.socket, fact: dict[str, int]) -> None:
    """Send the parent one message; nothing when it is gone."""
    with contextlib.suppress(OSError):
        control.send(json.dumps(fact).encode())


def main(arguments: list[str]) -> int:
    """Run the command that standard input names; return its exit code, of dbt 0, 1 or 2."""
    atexit.register(hush)  # the first one registered is the last one called
    if not arguments[0].startswith("--forks"):
        interrupts = Interrupts()
        import_dbt(ahead="--ahead" in arguments)
        return carry_out(int(arguments[0]), interrupts)
    of_strangers = arguments[0].endswith("-of-strangers")
    with contextlib.suppress(ImportError) if of_strangers else contextlib.nullcontext():
        import_dbt(ahead=True)
    control = socket.socket(fileno=int(arguments[1]))
    descriptors = forks(control, of_strangers=of_strangers)
    if descriptors is None:
        os._exit(0)  # our parent waits for it, and there is nothing to write
    events, done = descriptors
    code = carry_out(events, Interrupts())
    with contextlib.suppress(OSError):
        os.write(done, b"%d" % code)
    return code


def carry_out(events: int, interrupts: Interrupts) -> int:
    """Carry out the order on standard input, with the descriptor for events; return the code."""
    order = first_line(0)
    if not order:  # nothing was left to do
        return 0
    wanted = json.loads(order)
    if wanted["sandbox"]:
        try:
            hold(wanted["sandbox"])
        except OSError as error:
            print(f"the sandbox can't be set up: {error}", flush=True)
            return 2
    interrupts.watch()
    os.chdir(wanted["directory"])
    os.environ.clear()
    os.environ.update(wanted["variables"])
    proceed, orphaned = threading.Event(), threading.Event()
    threading.Thread(target=hear_the_parent, args=(proceed, orphaned), daemon=True).start()
    try:
        return other(wanted) if wanted["program"] else dbt(wanted, events, proceed)
    except KeyboardInterrupt:
        return 2
    finally:
        if orphaned.is_set():
            kill_the_group()


def hold(sandbox: dict[str, Any]) -> None:
    """Hold this process to a sandbox, and to the files of its own Python; raise `OSError`."""
    landlock, seccomp = beside("landlock"), beside("seccomp")
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(os.path.isabs, sys.path)}
    limits = {name: sandbox[name] for name in ("ports", "memory")}
    landlock.hold([*own, *sandbox["reads"]], sandbox["writes"], **limits)
    if seccomp.is_possible():
        seccomp.hold(unix_sockets=sandbox["unix_sockets"])


def beside(name: str) -> Any:
    """Return the module of a file that lies beside this one."""
    file = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}.py")
    described: Any = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


def other(wanted: dict[str, Any]) -> int:
    """Run the program that takes dbt's place; return its exit code."""
    return runpy.run_path(wanted["program"])["main"](wanted["arguments"])


def invoke(arguments: list[str], writer: EventWriter, manifest: Any = None) -> Any:
    """Return the outcome of a dbt command, which parses unless it is given a `manifest`."""
    from dbt.cli.main import dbtRunner

    runner: Any = dbtRunner(manifest, callbacks=[writer])
    return runner.invoke(arguments)


def listed(before: dict[str, Any], writer: EventWriter) -> Any:
    """Have dbt list nodes for the parent; return its parse, which spares the command another."""
    with contextlib.redirect_stdout(io.StringIO()):  # a failure is told by its exception
        outcome = invoke(before["parse"], writer)
        manifest = outcome.result
        if outcome.success:
            outcome = invoke(before["ls"], writer, manifest)
    if isinstance(outcome.exception, KeyboardInterrupt):
        raise outcome.exception
    if outcome.success:
        writer.listed([json.loads(each) for each in outcome.result or ()], "")
    else:
        writer.listed([], str(outcome.exception or "dbt has not said why"))
    return manifest


def dbt(wanted: dict[str, Any], events: int, proceed: threading.Event) -> int:
    """Run the dbt command; return its exit code."""
    writer = EventWriter(events, wanted["debug_log"], wanted["secrets"])
    manifest = None
    try:
        if wanted["before"]:
            manifest = listed(wanted["before"], writer)
            proceed.wait()
        outcome = invoke(wanted["arguments"], writer, manifest)
    finally:
        writer.close()
    if outcome.exception is None:
        return 0 if outcome.success else 1
    if type(outcome.exception).__name__ == "DbtUsageException":  # the only one dbt leaves unsaid
        print(outcome.exception, flush=True)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
