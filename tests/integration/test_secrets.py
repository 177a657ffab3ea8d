"""A secret's value is nowhere that people or programs can read it (VAR-4)."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.integration.conftest import PROJECT, Result, Site, make_site

pytestmark = pytest.mark.slow

DATABASE = "hushhush7"
TOKEN = 't0p"sécret/½'
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
        {{ log('the token is ' ~ env_var('DBT_TOKEN'), info=true) }}
        select '{{ env_var("DBT_TOKEN") }}' as token
    """,
    "models/fails.sql": """
        {% if execute %}
        {{ exceptions.raise_compiler_error('no ' ~ env_var('DBT_TOKEN')) }}
        {% endif %}
        select 1 as id
    """,
}
DEPLOY = """
    projects:
      tiny: {repository: REMOTE}
    environments:
      prod:
        type: production
        branch: main
        target: prod
        variables:
          DBT_ENV_SECRET_DATABASE: {env: PLANTED}
          DBT_TOKEN: {file: token.txt}
"""
JOBS = """
    jobs:
      nightly:
        environment: prod
        execute_steps: [dbt run --select tells, dbt build --exclude tells]
        run_generate_sources: true
"""


@dataclass(frozen=True)
class Done:
    """A run, and the command lines of all processes meanwhile."""

    site: Site
    result: Result
    command_lines: set[bytes]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    site = make_site(tmp_path_factory.mktemp("secrets"), FILES)
    site.configure(jobs=JOBS, deploy=DEPLOY)
    (site.root / "token.txt").write_text(f"{TOKEN}\n", encoding="utf-8")
    seen, ended = set[bytes](), threading.Event()
    watch = threading.Thread(target=watch_command_lines, args=(seen, ended))
    watch.start()
    try:
        result = site.execute("prod__nightly", PLANTED=DATABASE)
    finally:
        ended.set()
        watch.join()
    return Done(site, result, seen)


def watch_command_lines(seen: set[bytes], ended: threading.Event) -> None:
    while not ended.is_set():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.add(entry.read_bytes())
            except OSError:
                continue
        time.sleep(0.1)


def spellings() -> Iterator[bytes]:
    for secret in (DATABASE, TOKEN):
        yield from (secret.encode(), json.dumps(secret)[1:-1].encode(), quote(secret).encode())


def told(content: bytes) -> bool:
    return any(spelling in content for spelling in spellings())


def test_the_run_has_used_the_secrets(done: Done):
    """Else the other tests here would prove nothing."""
    assert (done.site.state.root / f"{DATABASE}.duckdb").is_file()
    assert "the token is *****" in done.site.console(done.result.run_id, "05-dbt-run")
    compiled = done.site.directory(done.result.run_id, "05-dbt-run") / "target/compiled"
    sql = (compiled / "tiny/models/tells.sql").read_text(encoding="utf-8")
    assert "select '*****' as token" in sql
    message = done.site.record(done.result.run_id)["message"]
    assert "no *****" in message


def test_no_file_holds_a_secret(done: Done):
    """Console and debug logs, artifacts, Dagster's events, tags and logs, the deployed manifest."""
    places = {
        # Where they belong: the warehouse, the secret itself, and dbt's own parse for this user.
        file
        for file in done.site.root.rglob("*")
        if file.suffix not in (".duckdb", ".wal", ".msgpack") and file.name != "token.txt"
    }
    files = [file for file in places if file.is_file()]
    assert len(files) > 50
    assert [str(file) for file in files if told(file.read_bytes())] == []
    for parse in done.site.root.rglob("*.msgpack"):
        assert parse.parent.stat().st_mode & 0o077 == 0


def test_the_process_prints_no_secret(done: Done):
    assert "the token is *****" in done.result.output
    assert not told(done.result.output.encode())


def test_no_command_line_holds_a_secret(done: Done):
    assert any(b"dbt/child.py" in line for line in done.command_lines)
    assert [line for line in done.command_lines if told(line)] == []


def test_the_definitions_hold_no_secret(done: Done):
    repository = done.site.definitions().get_repository_def()
    shown = repr([(node.key, node.metadata) for node in repository.asset_graph.asset_nodes])
    assert "'*****.main.tells'" in shown
    assert not told(shown.encode())
