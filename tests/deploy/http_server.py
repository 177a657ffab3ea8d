"""A stand-in for somebody's HTTP API on loopback: a function from a request to an answer."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, Any]
"""The status, and what is sent as JSON; None for an empty body, a text as it is."""
Answering = Callable[[str, str, dict[str, str], Any], Answer]
"""Gets the method, the path, the query and the body."""


@contextmanager
def serving(answering: Answering) -> Generator[int]:
    """Serve on a free port, and yield it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(sent) if sent else None
            status, found = answering(self.command, parts.path, dict(parse_qsl(parts.query)), body)
            text = (
                b""
                if found is None
                else (found if isinstance(found, str) else json.dumps(found)).encode()
            )
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
