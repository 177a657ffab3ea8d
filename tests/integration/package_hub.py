"""A package hub of dbt's: one package, `acme/pk`, with a macro that says the hub's own word."""

import http.server
import io
import json
import tarfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

_FILES = {
    "pk-1.0.0/dbt_project.yml": "name: pk\nversion: '1.0'\nconfig-version: 2\n",
    "pk-1.0.0/macros/word.sql": "{% macro word() %}WORD{% endmacro %}\n",
}


def _archive(word: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in _FILES.items():
            content = text.replace("WORD", word).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


@contextmanager
def package_hub(word: str) -> Generator[str]:
    """Serve a hub whose package says `word`; yield its address."""

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = _archive(word) if self.path.endswith(".tgz") else self._described()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _described(self) -> bytes:
            downloads = {"tarball": f"{address}t.tgz", "format": "tgz", "sha1": ""}
            version: dict[str, Any] = {
                "id": "acme/pk/1.0.0",
                "name": "pk",
                "version": "1.0.0",
                "packages": [],
                "require_dbt_version": [],
                "downloads": downloads,
                "works_with": [],
            }
            known: dict[str, Any] = {
                "/api/v1/index.json": ["acme/pk"],
                "/api/v1/acme/pk.json": {
                    "name": "pk",
                    "namespace": "acme",
                    "latest": "1.0.0",
                    "redirectname": None,
                    "redirectnamespace": None,
                    "versions": {"1.0.0": version},
                },
            }
            return json.dumps(known.get(self.path, version)).encode()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield address
        finally:
            server.shutdown()
