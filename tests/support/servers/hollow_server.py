"""Servers on loopback that are no git remote: web pages, and what falls silent."""

import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]
"""Answers one request."""


def page(content: bytes, kind: str = "text/html; charset=utf-8", status: int = 200) -> Answer:
    """Return what answers everything with a page."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def redirect(status: int, location: str, to: Answer) -> Answer:
    """Return what redirects everything to `location`, where `to` answers."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.path == location:
            to(request)
            return
        request.send_response(status)
        request.send_header("Location", location)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def stall(request: BaseHTTPRequestHandler) -> None:
    """Begin to answer as git does, and say nothing more."""
    request.send_response(200)
    request.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(b"001e# service=git-upload-pack\n0000")
    request.wfile.flush()
    time.sleep(900)


@contextmanager
def serve(answer: Answer) -> Generator[str]:
    """Serve `answer` for every request; yield the URL of a repository there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        http.block_on_close = False
        thread = threading.Thread(target=http.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}/shop.git"
        http.shutdown()
        thread.join()


@contextmanager
def mute(scheme: str = "http") -> Generator[str]:
    """Accept connections and never answer; yield the URL of a repository there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepted: list[socket.socket] = []
        closing = threading.Event()

        def accept() -> None:
            listening.settimeout(0.1)
            while not closing.is_set():
                try:
                    accepted.append(listening.accept()[0])
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}/shop.git"
        finally:
            closing.set()
            thread.join()
            for each in accepted:
                each.close()
