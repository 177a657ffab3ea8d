"""Runs the program of a client against a deployment, with the Python that has the client."""

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from bench.tools import pinned
from tests.clients.cells import Row, read
from tests.clients.client import PROGRAMS, Client
from tests.clients.deployment import (
    ACCOUNT,
    DAILY,
    ENDLESS_JOB,
    ENVIRONMENT_ID,
    FAILING,
    FLAKY,
    MENDED,
    PROJECT_ID,
    Running,
)
from tests.clients.environments import UnavailableError, python

LIMIT = 900  # seconds
_OF_OTHERS = re.compile(r"PYTHON|VIRTUAL_ENV|AIRFLOW|PREFECT|DAGSTER|DEPLOY_|DBT_|https?_proxy")
"""Settings of the one who starts this, which would lead clients elsewhere."""
_NOTHING_SENT = {
    "DO_NOT_TRACK": "true",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    "SCARF_ANALYTICS": "false",
    "SCARF_NO_ANALYTICS": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
}


def row(client: Client, deployment: Running) -> Row:
    """Run the program of a client; return its row of the table."""
    try:
        interpreter = python(client)
    except UnavailableError as error:
        return Row(client.title, client.version, {}, left_out=str(error))
    with tempfile.TemporaryDirectory(prefix=f"client-{client.name}-") as home:
        reported = Path(home) / "cells.jsonl"
        reported.touch()
        log = deployment.site.root / f"client-{client.name}.log"
        with log.open("wb") as output, suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [str(interpreter), str(client.program)],
                cwd=home,
                env=_variables(deployment, interpreter, Path(home)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT,
            )
        cells = read(reported.read_text(encoding="utf-8").splitlines())
    return Row(client.title, _version(client), cells)


def _version(client: Client) -> str:
    if not client.package:
        return client.version
    if client.is_ours:
        return version(client.package)
    return pinned(client.requirements.read_text(encoding="utf-8"), client.package)


def _variables(deployment: Running, interpreter: Path, home: Path) -> dict[str, str]:
    """Return the environment variables of a program, which keeps all of its own in `home`."""
    plain, secure = deployment.plain, deployment.secure
    kept = {name: text for name, text in os.environ.items() if not _OF_OTHERS.match(name)}
    return {
        **kept,
        **_NOTHING_SENT,
        "HOME": str(home),
        "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROGRAMS),
        "PYTHONDONTWRITEBYTECODE": "1",
        "REQUESTS_CA_BUNDLE": str(secure.authority),
        "SSL_CERT_FILE": str(secure.authority),
        "FRONT_URL": secure.url,
        "FRONT_HTTP_URL": plain.url,
        "FRONT_HOST": secure.host,
        "FRONT_TOKEN": secure.token,
        "FRONT_ACCOUNT": str(ACCOUNT),
        "FRONT_PROJECT": str(PROJECT_ID),
        "FRONT_ENVIRONMENT": str(ENVIRONMENT_ID),
        "FRONT_JOBS": json.dumps([DAILY, FAILING, FLAKY, ENDLESS_JOB]),
        "FRONT_MENDED": str(deployment.site.state.root / MENDED),
        "FRONT_SITE": str(deployment.site.root),
        "FRONT_PROGRAMS": str(Path(sys.executable).parent),
        "FRONT_CELLS": str(home / "cells.jsonl"),
    }
