"""`deploy-project serve`: serves dbt Cloud's API and the docs of each environment over HTTP."""

from argparse import Namespace

from deploy_project.cli.context import front, loaded

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(*, host: str, port: int) -> int:
    """Serve until interrupted; port 0 is any free one."""
    from deploy_project.api.app import create_app
    from deploy_project.api.server import listening, server

    found, deployment = loaded()
    with listening(host, port) as listener, front(found, deployment) as shared:
        taken = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        print(f"API and docs on http://{shown}:{taken}/", flush=True)
        if host not in _LOOPBACK:
            print("Note: everybody who reaches this address can read the docs.", flush=True)
        server(create_app(shared)).run(sockets=[listener])
    return 0


def act(given: Namespace) -> int:
    """Carry out `serve` as it was given on the command line; return the exit code."""
    return serve(host=given.host, port=given.port)
