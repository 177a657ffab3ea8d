"""A server on loopback that is no Dagster."""

import http.server
import threading
from collections.abc import Generator
from contextlib import contextmanager


class Page(http.server.BaseHTTPRequestHandler):
    """Something else: it answers with a page, whatever it is asked for."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<h1>Grafana</h1>")

    def log_request(self, code: object = "-", size: object = "-") -> None: ...


@contextmanager
def page() -> Generator[tuple[str, list[str]]]:
    """Serve the page; yield the address, and a list that gets the body of each request."""
    asked: list[str] = []
    handler = type("Handler", (Page,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
