"""Runs released clients of dbt Cloud against a front: `make clients`, or `--help`."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from bench.session import ends_on_sigterm, tell
from bench.tables import replaced
from tests.clients.cells import Row, table
from tests.clients.client import CLIENTS, Client
from tests.clients.deployment import running
from tests.clients.environments import UnavailableError, pin, python
from tests.clients.running import row
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "api.md"
NAME = "clients"
"""Of the markers around the table."""


def main() -> int:
    """Install the clients, run them, and print the table; 1 when a cell failed."""
    asked = _asked()
    ends_on_sigterm()
    wanted = [each for each in CLIENTS if not asked.clients or each.name in asked.clients]
    if asked.pin:
        for each in wanted:
            if not each.is_ours:
                pin(each)
        return 0
    _install(wanted)
    directory = Path(tempfile.mkdtemp(prefix="clients-"))
    rows = list[Row]()
    with running(directory) as deployment:
        for client in wanted:
            tell(f"{client.name} …")
            rows.append(row(client, deployment))
            for line in rows[-1].failures:
                tell(f"{client.name}, {line}")
    content, failed = table(rows), any(each.failures for each in rows)
    print(content)
    if asked.write:
        PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), content, name=NAME), "utf-8")
    if failed:
        tell(f"the logs of all processes are in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    names = [each.name for each in CLIENTS]
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help=f"of {', '.join(names)}")
    parser.add_argument("--write", action="store_true", help="put the table into docs/api.md")
    parser.add_argument("--pin", action="store_true", help="pin the clients' packages again")
    asked = parser.parse_args()
    unknown = [each for each in asked.clients if each not in names]
    if unknown:
        parser.error(f"there is no client {unknown[0]!r}")
    return asked


def _install(clients: list[Client]) -> None:
    for each in clients:
        if not each.is_ours:
            tell(f"installing {each.name}")
        try:
            python(each)
        except UnavailableError as error:
            tell(f"{each.name} {error}")


if __name__ == "__main__":
    sys.exit(main())
