"""`deploy-project dev`: Dagster with its daemon, and the front, on this machine."""

import shlex
import signal
import socket
import subprocess
import sys
import threading
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from deploy_project.api.app import create_app
from deploy_project.api.server import listening, server
from deploy_project.cli.context import front, loaded
from deploy_project.config.environment import Settings, address, addressed, be_at_home, is_example
from deploy_project.config.state import StateDirectory
from deploy_project.config.values.deployment import Deployment
from deploy_project.config.values.tokens import Token
from deploy_project.errors import ConfigError
from deploy_project.example.remote import make_remote, working_copy
from deploy_project.example.token import example_token, token_file
from deploy_project.processes.signals import hear_interrupts

_HOST = "127.0.0.1"
# Dagster's other command is not installed with it.
_QUIET = ("-W", "ignore:Function `dev_command` is superseded")
_PORT, _DOCS_PORT = 3000, 3001


def dev(*, port: int | None, docs_port: int | None) -> int:
    """Start both, and serve until interrupted; return Dagster's exit code.

    Raises `ConfigError` for a port that is taken, before anything is started.
    """
    found, deployment = loaded()
    port = port or _port_of(deployment.dagster_url) or _PORT
    docs_port = docs_port or _port_of(deployment.docs_url or "") or _DOCS_PORT
    _ensure_free(port)
    with listening(_HOST, docs_port, options="--docs-port") as listener:
        be_at_home()
        address(
            dagster_url=_address(deployment.dagster_url, port),
            docs_url=_address(deployment.docs_url or "", docs_port),
        )
        here = addressed(deployment)
        tokens: list[Token] = []
        if is_example(found.config_file):
            make_remote(found.state)
            working_copy(found.state)
            tokens.append(example_token(found.state))
        print(_welcome(here, port, docs_port), flush=True)
        if tokens:
            print(_call(here, found.state), flush=True)
        _serve(here, found, listener, tokens)
        return _dagster(port)


def _port_of(url: str) -> int | None:
    """Return the port of an address on this machine; None for another one."""
    parts = urlsplit(url)
    return parts.port if parts.hostname in (_HOST, "localhost") else None


def _address(url: str, port: int) -> str:
    """Return the address of `port` here; `url` when people reach that from elsewhere."""
    return url if url and _port_of(url) is None else f"http://{_HOST}:{port}"


def _ensure_free(port: int) -> None:
    with socket.socket() as asking:
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asking.bind((_HOST, port))
        except OSError as error:
            raise ConfigError(
                f"can't listen on {_HOST} port {port}: {error}; nothing was started: end what "
                f"listens there, or choose another port with --port (`make dev PORT={port + 10}`)"
            ) from error


def _welcome(deployment: Deployment, port: int, docs_port: int) -> str:
    lines = [
        "Starting Dagster, which takes some seconds. Then open",
        f"  {deployment.dagster_url}  Dagster: runs, assets, jobs, schedules",
        f"  {deployment.docs_url}  the docs of each environment, and the API",
    ]
    if (port, docs_port) != (_PORT, _DOCS_PORT):
        lines += [
            "For `deploy-project run` and the like in another terminal, first:",
            f"  export DEPLOY_DAGSTER_URL={deployment.dagster_url}",
        ]
    return "\n".join([*lines, "Ctrl-C ends both; runs go on.", ""])


def _call(deployment: Deployment, state: StateDirectory) -> str:
    """Return the command that calls the API of the example."""
    file = token_file(state)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    header = f'"Authorization: Token $(cat {shlex.quote(str(shown))})"'
    address = f"{deployment.docs_url}/api/v2/accounts/{deployment.account.id}/jobs/"
    return f"To call the API, with a token for this machine alone:\n  curl -H {header} {address}\n"


def _serve(
    deployment: Deployment, found: Settings, listener: socket.socket, tokens: Sequence[Token]
) -> None:
    """Serve the front in a thread, for as long as this process lives."""

    def run() -> None:
        with front(found, deployment, tokens=tokens) as shared:
            server(create_app(shared)).run(sockets=[listener])

    threading.Thread(target=run, daemon=True).start()


def _dagster(port: int) -> int:
    command = [sys.executable, *_QUIET, "-m", "dagster", "dev", "--host", _HOST]
    command += ["--port", str(port)]
    hear_interrupts()
    with subprocess.Popen(command) as child:
        signal.signal(signal.SIGTERM, lambda _number, _frame: child.terminate())
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child has it, too
            return child.wait()


def act(given: Namespace) -> int:
    """Carry out `dev` as it was given on the command line; return the exit code."""
    return dev(port=given.port, docs_port=given.docs_port)
