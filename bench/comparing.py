"""Times the comparison of two tables with so many rows, by primary key and without one.

    python -m bench.comparing --rows 10_000_000 duckdb
    python -m bench.comparing --rows 10_000_000 postgres

One row in a hundred has changed in one of eight columns, one in a thousand is new, one gone.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from deploy_project.dbt.relations import compare, stand_in
from deploy_project.dbt.relations.compare import Pair, RelationPlace
from deploy_project.dbt.relations.stand_in import MacroResult

_COLUMNS = """
    id, id % 1000 as customer, cast(id * 7 % 10000 as numeric(12, 2)) as amount,
    cast(id % 90000 as integer) as quantity, 'row ' || id as label,
    case when id % 10 = 0 then null else 'note ' || (id % 500) end as note,
    date '2024-01-01' + cast(id % 700 as integer) as day, id % 3 = 0 as flag
"""
_CHANGED = _COLUMNS.replace("id % 90000", "case when id % 100 = 7 then id + 1 else id % 90000 end")


def _series(rows: int, *, postgres: bool) -> tuple[str, str]:
    """Return the statements that select the rows before and after."""
    before = f"generate_series(1, {rows}) as g(id)" if postgres else f"range(1, {rows + 1}) g(id)"
    more = rows // 1000
    first, last = more + 1, rows + more
    after = (
        f"generate_series({first}, {last}) as g(id)"
        if postgres
        else f"range({first}, {last + 1}) g(id)"
    )
    return f"select {_COLUMNS} from {before}", f"select {_CHANGED} from {after}"  # noqa: S608


def _filled(run: Callable[[str], object], rows: int, *, postgres: bool) -> None:
    before, after = _series(rows, postgres=postgres)
    for schema, select in (("prod", before), ("pull", after)):
        run(f"create schema {schema}")
        run(f"create table {schema}.orders as {select}")


def _measured(place: Path, output: dict[str, object], database: str) -> None:
    """Compare with a process of dbt for each way, and print how long that took."""
    import yaml

    profile = {"bench": {"target": "bench", "outputs": {"bench": output}}}
    (place / "profiles.yml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    stand_in.write_project(place, {"profile": "bench"}, compare.macros())
    before, after = (
        RelationPlace(database, "prod", "orders"),
        RelationPlace(database, "pull", "orders"),
    )
    for title, key in (("by primary key", ("id",)), ("whole rows", ())):
        given = compare.given(Pair(before, after, key), with_samples=True)
        arguments = stand_in.call(place, compare.MACRO, {"each": [["orders", given]]})
        began = time.monotonic()
        done = subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *arguments, "--profiles-dir", str(place)],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.monotonic() - began
        answer = MacroResult()
        for line in done.stdout.splitlines():
            answer.hear(line)
        found = {name: value for fact in answer.facts for name, value in fact.items()}
        counts = {name: found.get(name) for name in ("rows", "added", "removed", "changed")}
        print(f"{title}: {seconds:.0f} s, {counts}", *answer.said[-5:], flush=True)


def main() -> None:
    """Make the tables, compare them, and throw them away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("adapter", choices=["duckdb", "postgres"])
    parser.add_argument("--rows", type=int, default=1_000_000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="comparing-") as made:
        place = Path(made)
        if wanted.adapter == "duckdb":
            file = place / "bench.duckdb"
            with duckdb.connect(str(file)) as connection:
                _filled(connection.execute, wanted.rows, postgres=False)
            output: dict[str, object] = {"type": "duckdb", "path": str(file), "schema": "pull"}
            _measured(place, output, "bench")
            return
        from tests.support.servers.postgres_server import running

        with running() as server:
            _filled(server.execute, wanted.rows, postgres=True)
            login = {"user": "postgres", "password": server.password, "dbname": "postgres"}
            address = {"host": "127.0.0.1", "port": server.port, "schema": "pull", "threads": 1}
            _measured(place, {"type": "postgres", **address, **login}, "postgres")


if __name__ == "__main__":
    main()
