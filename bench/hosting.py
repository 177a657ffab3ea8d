"""Installs a compared tool in a virtual environment, and measures its runs."""

import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.deployments import PROGRAMS as OURS
from bench.deployments import variables
from bench.measure import Command, cpu_seconds, end, run
from bench.report import Cost
from bench.servers import free_port, wait_for
from bench.sides import Sides
from bench.tools import PROGRAMS, Tool, tool_variables
from deploy_project.config.environment import STATE, inherited

ENVIRONMENTS = Path(__file__).parents[1] / ".deploy" / "bench"
LIMIT = 20 * 60  # seconds
_NO_TELEMETRY = "telemetry:\n  enabled: false\n"


def requirements(tool: Tool) -> Path:
    """Return the pinned requirements of the tool."""
    return PROGRAMS / tool.environment / "requirements.txt"


def ensure_programs(tool: Tool) -> Path:
    """Return the directory of the programs in the tool's environment, made when it is not there."""
    environment = ENVIRONMENTS / tool.environment
    installed, wanted = environment / "installed.txt", requirements(tool).read_bytes()
    if not installed.is_file() or installed.read_bytes() != wanted:
        shutil.rmtree(environment, ignore_errors=True)
        uv, python = OURS / "uv", str(environment / "bin" / "python")
        install = ("pip", "install", "--quiet", "--compile-bytecode", "--python", python)
        for arguments in (
            ("venv", "--quiet", "--python", str(OURS / "python"), str(environment)),
            (*install, "-r", str(requirements(tool))),
        ):
            run(Command((str(uv), *arguments), PROGRAMS, inherited()), limit=LIMIT)
        installed.write_bytes(wanted)
    return environment / "bin"


@contextmanager
def ready(tool: Tool, sides: Sides) -> Generator[Callable[[], Cost]]:
    """Prepare the tool for the project of `sides`; yield a call that runs it once, for its cost."""
    home = sides.root / "tools" / tool.environment
    programs = ensure_programs(tool)
    given = tool_variables(variables(), programs=programs, home=home) | {STATE: str(home)}

    def command(*arguments: str) -> Command:
        return Command((str(programs / arguments[0]), *arguments[1:]), home / "project", given)

    if not home.exists():
        home.mkdir(parents=True)
        (home / "dagster.yaml").write_text(_NO_TELEMETRY, encoding="utf-8")
        run(sides.clone(home / "project"))
        run(command("dbt", "parse"), limit=LIMIT)
        if tool.environment == "cosmos":
            run(command("airflow", "db", "migrate"), limit=LIMIT)
    state = str(home.relative_to(sides.root))
    if tool.environment == "prefect-dbt":
        with _prefect_server(command("prefect", "server", "start")) as (url, server):
            asking = replace(command(*tool.command), variables={**given, "PREFECT_API_URL": url})

            def measured() -> Cost:
                before = cpu_seconds(server.pid)
                found = sides.measured(state, asking, limit=LIMIT)
                return replace(found, cpu=found.cpu + cpu_seconds(server.pid) - before)

            yield measured
    else:
        yield lambda: sides.measured(state, command(*tool.command), limit=LIMIT)


@contextmanager
def _prefect_server(command: Command) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server of Prefect on loopback, with a SQLite file; end it again."""
    port = free_port()
    process = subprocess.Popen(
        (*command.arguments, "--host", "127.0.0.1", "--port", str(port)),
        cwd=command.directory,
        env=command.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        url = f"http://127.0.0.1:{port}/api"
        wait_for(f"{url}/health", process)
        yield url, process
    finally:
        end(process)
