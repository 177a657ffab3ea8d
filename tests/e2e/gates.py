"""Real things that make a run wait where a test wants it: a git server, a query, a queue's pipe."""

import gzip
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.servers.git_server import GitServer, handler


@dataclass
class Gate:
    """What asks for something here waits until it is opened."""

    asked: threading.Event = field(default_factory=threading.Event)
    _opened: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._opened.set()

    def close(self) -> None:
        self.asked.clear()
        self._opened.clear()

    def open(self) -> None:
        self._opened.set()

    def passed(self) -> None:
        self.asked.set()
        self._opened.wait()


@dataclass
class Remotes:
    """A git server that gives out commits of each repository only while its gate is open."""

    port: int
    gates: dict[str, Gate]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def open(self) -> None:
        for gate in self.gates.values():
            gate.open()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A git that was killed no longer listens."""


@contextmanager
def serve(root: Path, *names: str) -> Generator[Remotes]:
    """Serve the repositories `names` below `root`."""
    gates = {name: Gate() for name in names}

    base: Any = handler(GitServer(root, password=""))

    class _Gated(base):
        def do_GET(self) -> None:  # noqa: N802
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            plain = body
            if self.headers.get("Content-Encoding") == "gzip":
                plain = gzip.decompress(body)
            if b"command=fetch" in plain:  # and not for a look at the heads
                gates[self.path.split("/")[1]].passed()
            self.run_backend(body)

        do_POST = do_GET  # noqa: N815

    gated: Any = _Gated

    with _Quiet(("127.0.0.1", 0), gated) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        remotes = Remotes(http.server_address[1], gates)
        try:
            yield remotes
        finally:
            remotes.open()
            http.shutdown()
            thread.join()


WAIT = """
    {% macro wait_for(gate) %}
      {% set closed = namespace(yes=execute) %}
      {% for _ in range(90000) if closed.yes %}
        {% set query %}
          select (select count(*) from glob('GATES/{{ gate }}')), sleep_ms(50)
        {% endset %}
        {% set closed.yes = run_query(query).columns[0].values()[0] > 0 %}
      {% endfor %}
    {% endmacro %}
"""
"""A macro that waits while a file is there, in queries that can be interrupted."""
