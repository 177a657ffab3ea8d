"""Each environment has its own credentials: staging can't write production; nothing tells them."""

import zlib
from collections.abc import Iterator

import pytest

from deploy_project.dbt.processes.scrubbing import Scrubber
from tests.postgres.history import HISTORY_PASSWORD
from tests.postgres.shop import PASSWORDS, Shop
from tests.support.servers.postgres_server import Server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("shop on Postgres")]


def test_each_environment_writes_its_own_schema(shop: Shop):
    owners = "select schemaname, tableowner from pg_tables where schemaname <> 'raw' "
    views = "select schemaname, viewowner from pg_views where schemaname in ('prod', 'staging')"
    found = shop.ask(f"{owners} and schemaname !~ '^(pg_|information)' union {views}")
    assert set(found) == {("prod", "production"), ("staging", "staging")}


def test_staging_credentials_cannot_write_production(shop: Shop):
    assert not shop.overreach.success
    record = shop.site.record(shop.overreach.run_id)
    assert record["status"] == "Error"
    assert "permission denied for schema prod" in record["message"]
    assert shop.ask("select id, amount from prod.payments order by id") == [(1, 10), (2, 20)]
    assert shop.ask("select revenue from prod.revenue") == [(30,)]


def test_no_file_holds_a_password(shop: Shop):
    """Logs, artifacts, profiles, the deployed manifest; all but dbt's own parse for this user."""
    files = [file for file in shop.site.root.rglob("*") if file.is_file()]
    shown = [file for file in files if file.suffix != ".msgpack"]
    assert len(shown) > 50
    assert [file for file in shown if tells(file.read_bytes())] == []


def test_no_row_of_dagsters_database_holds_a_password(shop: Shop):
    rows = [row for table in tables(shop.server) for row in table]
    assert any(shop.overreach.run_id.encode() in row for row in rows)
    assert any(b"permission denied for schema prod" in row for row in rows)
    assert [row for row in rows if tells(row)] == []


def tables(server: Server) -> Iterator[Iterator[bytes]]:
    for (name,) in server.execute(
        "select tablename from pg_tables where schemaname = 'public'", "history"
    ):
        found = server.execute(f'select * from "{name}"', "history")
        yield (b" ".join(plain(value) for value in row) for row in found)


def plain(value: object) -> bytes:
    """The text of a value; Dagster keeps its snapshots compressed."""
    return zlib.decompress(value) if isinstance(value, memoryview) else str(value).encode()


def tells(content: bytes) -> bool:
    return any(spelling in content for spelling in SPELLINGS)


SPELLINGS = [each.encode() for each in Scrubber([*PASSWORDS.values(), HISTORY_PASSWORD]).secrets]
