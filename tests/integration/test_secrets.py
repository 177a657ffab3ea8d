"""A secret's value is nowhere that people or programs can read it (VAR-4)."""

import signal
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.databases import values
from tests.support.deployments.site import ENDLESS, PROJECT, Result, Site, make_site
from tests.support.running.processes import processes_of
from tests.support.servers.git_server import serve
from tests.support.waiting import PATIENCE, wait

pytestmark = pytest.mark.slow

DATABASE = "hushhush7"
TOKEN = 't0p"sécret/½zk4Token9'
PATTERN = r"a+b(c)*[d]\w$|X5regex7"
KEY = "-----BEGIN KEY-----\nMIIk3yL1neOne\n  MIIk3yL1neTwo\n-----END KEY-----\n"
BASIC = "bas1cAuth0r"
GIT = "ghp_Q8markGit5x"
MARKS = (
    # What is left of each secret whatever escapes it, and of one of them in base64.
    *(DATABASE, "zk4Token9", "X5regex7", "MIIk3yL1neOne", "MIIk3yL1neTwo", BASIC, "Q8markGit5x"),
    b64encode(BASIC[:9].encode()).decode(),
)
FILES = {
    **PROJECT,
    "profiles.yml": """
        tiny:
          target: prod
          outputs:
            prod:
              type: duckdb
              path: "{{ env_var('DEPLOY_STATE') }}/{{ env_var('DBT_ENV_SECRET_DATABASE') }}.duckdb"
    """,
    "models/tells.sql": """
        {{ config(materialized='table', meta={'note': env_var('DBT_TOKEN')}) }}
        {% for name in ['DBT_TOKEN', 'DBT_PATTERN', 'DBT_KEY', 'DBT_BASIC'] %}
        {{ log(name ~ ' is ' ~ env_var(name), info=true) }}
        {% endfor %}
        select '{{ env_var("DBT_TOKEN") }}' as token, $${{ env_var("DBT_KEY") }}$$ as key
    """,
    "models/told.yml": """
        models:
          - name: tells
            description: The token is {{ env_var('DBT_TOKEN') }}
            columns:
              - name: key
                description: "{{ env_var('DBT_PATTERN') }}"
    """,
    "models/fails.sql": """
        {% if execute %}
        {{ exceptions.raise_compiler_error('no ' ~ env_var('DBT_TOKEN')) }}
        {% endif %}
        select 1 as id
    """,
    "models/refuses.sql": """
        {{ config(materialized='table') }}
        select error(
            'refused: Basic ' || to_base64('me:{{ env_var("DBT_BASIC") }}'::blob)
            || ' at https://host/?key=' || url_encode('{{ env_var("DBT_PATTERN") }}')
        ) as id
    """,
    "models/endless.sql": f"-- depends_on: {{{{ ref('tells') }}}}\n{ENDLESS}",
}
DEPLOY = """
    projects:
      tiny:
        repository: URL
        token: {env: GIT_PLANTED}
        variables:
          DBT_TOKEN: {file: token.txt}
          DBT_PATTERN: {env: PATTERN_PLANTED}
          DBT_KEY: {env: KEY_PLANTED}
          DBT_BASIC: {env: BASIC_PLANTED}
    environments:
      prod:
        type: production
        branch: main
        target: prod
        variables: {DBT_ENV_SECRET_DATABASE: {env: PLANTED}}
      memory:
        branch: main
        connection: {type: duckdb, path: ":memory:"}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt run --select tells, dbt build --exclude tells endless]
        run_generate_sources: true
        generate_docs: true
      cancelled: &endless
        environment: memory
        execute_steps: [dbt run --select tells endless]
      crashed: *endless
"""
PLANTED = {
    "PLANTED": DATABASE,
    "PATTERN_PLANTED": PATTERN,
    "KEY_PLANTED": KEY,
    "BASIC_PLANTED": BASIC,
    "GIT_PLANTED": GIT,
}


@dataclass(frozen=True)
class SecretRuns:
    """Runs of every kind, and the command lines of all processes meanwhile."""

    site: Site
    failed: Result
    output: str
    """What the processes have printed that were ended from outside."""
    crashed: str
    authorizations: list[str]
    command_lines: set[bytes]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretRuns]:
    site = make_site(tmp_path_factory.mktemp("secrets"), FILES)
    (site.root / "token.txt").write_text(f"{TOKEN}\n", encoding="utf-8")
    seen, ended = set[bytes](), threading.Event()
    watch = threading.Thread(target=watch_command_lines, args=(seen, ended))
    watch.start()
    try:
        with serve(site.root, GIT) as server:
            site.configure(jobs=JOBS, deploy=DEPLOY.replace("URL", server.url("remote.git")))
            failed = site.execute("prod__nightly", **PLANTED)
            output, crashed = end_from_outside(site)
            yield SecretRuns(site, failed, output, crashed, server.authorizations, seen)
    finally:
        ended.set()
        watch.join()


def end_from_outside(site: Site) -> tuple[str, str]:
    """Cancel one run and kill another; return what they have printed, and the killed one's id."""
    before = set(site.run_ids())
    cancelled, crashed = (
        site.start(
            *("job", "execute", "-m", "deploy_project.definitions", "-j", f"memory__{job}"),
            **PLANTED,
        )
        for job in ("cancelled", "crashed")
    )
    printed: list[str] = []

    def read(process: subprocess.Popen[str]) -> None:
        printed.append(process.communicate()[0])

    readers = [threading.Thread(target=read, args=(each,)) for each in (cancelled, crashed)]
    for reader in readers:
        reader.start()
    wait(lambda: begun(site) == 2, seconds=600)
    cancelled.send_signal(signal.SIGINT)
    crashed.kill()
    for reader in readers:
        reader.join(timeout=PATIENCE)
        assert not reader.is_alive()
    wait(lambda: not processes_of(site))  # dbt ends by itself when its parent is gone
    new = set(site.run_ids()) - before
    (killed,) = (run for run in new if site.status(run) not in ("CANCELED", "FAILURE"))
    return "".join(printed), killed


def begun(site: Site) -> int:
    """How many runs have come to their endless model."""
    logs = site.state.all_work.glob("*/steps/04-dbt-run/console.log")
    return sum(b"START sql table model main.endless" in log.read_bytes() for log in logs)


def watch_command_lines(seen: set[bytes], ended: threading.Event) -> None:
    while not ended.is_set():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(entry.read_bytes())
            except OSError:
                continue
        time.sleep(0.1)


def told(content: bytes) -> list[str]:
    """The secrets that `content` tells."""
    return [mark for mark in MARKS if mark.encode() in content]


def is_private(file: Path) -> bool:
    return any(parent.stat().st_mode & 0o077 == 0 for parent in file.parents)


def test_the_runs_have_used_the_secrets(done: SecretRuns):
    """Else the other tests here would prove nothing."""
    site, run_id = done.site, done.failed.run_id
    assert (site.state.root / f"{DATABASE}.duckdb").is_file()
    assert len(done.authorizations) > 1
    console = site.console(run_id, "05-dbt-run")
    for name in ("DBT_TOKEN", "DBT_PATTERN", "DBT_KEY", "DBT_BASIC"):
        assert f"{name} is *****" in console
    compiled = site.directory(run_id, "05-dbt-run") / "target/compiled/tiny/models/tells.sql"
    assert "select '*****' as token" in compiled.read_text(encoding="utf-8")
    assert "no *****" in site.record(run_id)["message"]
    refused = site.console(run_id, "06-dbt-build")
    assert "refused: Basic " in refused
    assert "https://host/?key=*****" in refused


def test_no_file_holds_a_secret(done: SecretRuns):
    """Console and debug logs, artifacts, Dagster's events, tags and logs, parses, configuration."""
    holders = [
        file
        for file in done.site.root.rglob("*")
        # Where they belong: the warehouse, and the secret itself.
        if file.is_file() and file.suffix not in (".duckdb", ".wal") and file.name != "token.txt"
        if told(file.read_bytes())
    ]
    assert len([*done.site.root.rglob("*")]) > 100
    left = done.site.state.work(done.crashed)
    assert [str(file) for file in holders if left not in file.parents] == []
    assert all(is_private(file) for file in holders), "what a killed run has left"


def test_the_databases_hold_no_secret(done: SecretRuns):
    databases = [*done.site.state.root.rglob("*.db")]
    found = [value for database in databases for value in values(database)]
    assert any(b"DBT_TOKEN" in value or b"tells" in value for value in found)
    assert [value for value in found if told(value)] == []


def test_the_processes_print_no_secret(done: SecretRuns):
    for output in (done.failed.output, done.output):
        assert "DBT_TOKEN is *****" in output
        assert told(output.encode()) == []


def test_no_command_line_holds_a_secret(done: SecretRuns):
    assert any(b"dbt/processes/child.py" in line for line in done.command_lines)
    assert any(line.startswith(b"git\0") for line in done.command_lines)
    assert [line for line in done.command_lines if told(line)] == []


def test_the_definitions_hold_no_secret(done: SecretRuns):
    repository = done.site.definitions().get_repository_def()
    shown = repr([(node.key, node.metadata) for node in repository.asset_graph.asset_nodes])
    assert "'*****.main.tells'" in shown
    assert told(shown.encode()) == []
