"""`deploy-project serve`: serves dbt Cloud's API and the docs of each environment over HTTP."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from deploy_project.cli.context import front, loaded
from deploy_project.errors import ConfigError

if TYPE_CHECKING:
    from deploy_project.api.server import Certificate


def serve(*, host: str, port: int, certificate: "Certificate | None", behind_proxy: bool) -> int:
    """Serve until interrupted; port 0 is any free one.

    Raises `ConfigError` for a host that others reach, where nothing would hide what they send.
    """
    from deploy_project.api.app import create_app
    from deploy_project.api.http.hosts import is_loopback
    from deploy_project.api.server import listening, server

    is_local = is_loopback(host)
    if not is_local and certificate is None and not behind_proxy:
        raise ConfigError(
            f"--host {host} is reached by other machines, and tokens would be readable on their "
            "way: give --certificate and --key (`deploy-project certificate HOST` makes both), or "
            "--behind-proxy where a proxy before this server speaks https"
        )
    found, deployment = loaded()
    with listening(host, port) as listener, front(found, deployment) as shared:
        alone = is_local and not behind_proxy
        app = create_app(shared, on_loopback=alone, behind_proxy=behind_proxy)
        running = server(app, certificate=certificate, behind_proxy=behind_proxy)
        taken = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        scheme = "http" if certificate is None else "https"
        print(f"API and docs on {scheme}://{shown}:{taken}/", flush=True)
        if not is_local:
            print("Note: everybody who reaches this address can read the docs.", flush=True)
        running.run(sockets=[listener])
    return 0


def _certificate(chain: Path | None, key: Path | None) -> "Certificate | None":
    from deploy_project.api.server import Certificate

    if chain is None and key is None:
        return None
    if chain is None or key is None:
        raise ConfigError("--certificate and --key go together; give both, or neither")
    return Certificate(chain, key)


def act(given: Namespace) -> int:
    """Carry out `serve` as it was given on the command line; return the exit code."""
    return serve(
        host=given.host,
        port=given.port,
        certificate=_certificate(given.certificate, given.key),
        behind_proxy=given.behind_proxy,
    )
