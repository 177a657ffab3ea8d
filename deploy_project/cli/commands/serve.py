"""`deploy-project serve`: serves the docs of each environment over HTTP."""

from argparse import Namespace

from deploy_project.api.app import create_app
from deploy_project.api.server import listening, server
from deploy_project.cli.context import loaded

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(*, host: str, port: int) -> int:
    """Serve until interrupted; port 0 is any free one."""
    found, deployment = loaded()
    app = create_app(deployment, found.state)
    with listening(host, port) as listener:
        taken = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        print(f"Docs of every environment on http://{shown}:{taken}/", flush=True)
        if host not in _LOOPBACK:
            print("Note: everybody who reaches this address can read them.", flush=True)
        server(app).run(sockets=[listener])
    return 0


def act(given: Namespace) -> int:
    """Carry out `serve` as it was given on the command line; return the exit code."""
    return serve(host=given.host, port=given.port)
