"""Servers on loopback that answer with bytes of any kind, as slowly as a test wants."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

SHORT = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nok"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\nno"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"
HELLO = b"\x16\x03\x03\x40\x00" + bytes(35)
"""The beginning of a long first record of TLS."""
HEAD = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20


@dataclass
class RawServer:
    address: str
    sent: int = 0
    """The number of parts that were sent; the other end was there for them."""


@contextmanager
def raw_server(*parts: bytes, pause: float = 0.0) -> Generator[RawServer]:
    """A server that sends `parts` to its first client, each after a pause, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = RawServer(f"127.0.0.1:{listening.getsockname()[1]}")

        def answer() -> None:
            try:
                accepted, _ = listening.accept()
                with accepted:
                    accepted.settimeout(5)
                    accepted.recv(65_536)
                    for each in parts:
                        time.sleep(pause)
                        accepted.sendall(each)
                        found.sent += 1
                    accepted.shutdown(socket.SHUT_WR)
                    while accepted.recv(65_536):
                        pass
            except OSError:
                return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield found
        listening.close()


def dripping(content: bytes) -> list[bytes]:
    """Return the bytes of a content, each by itself."""
    return [bytes([each]) for each in content]
