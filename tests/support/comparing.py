"""A pull request that changes data in every way that comparing tells apart.

The models are in standard SQL, so that DuckDB and Postgres have the same story.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.deployments.site import Result, Site

HOSTILE = "x''\"`|{{ 1/0 }}{% raw %} <b>@all</b> \\ é😀"
SCHEMA = """
    models:
      - name: orders
        columns:
          - {name: ID, data_tests: [unique, not_null]}
          - {name: email, config: {meta: {sensitive: true}}}
      - name: events
        config: {event_time: at}
        constraints: [{type: primary_key, columns: [id], warn_unenforced: false}]
      - name: doubles
        columns: [{name: id, data_tests: [unique]}]
      - name: same
        columns: [{name: id, data_tests: [unique]}]
      - name: broken
        columns: [{name: id, data_tests: [unique]}]
"""


def rows(*selects: str) -> str:
    """A model of these rows, in which dbt finds no Jinja."""
    sql = "\nunion all ".join(f"select {each}" for each in selects)
    literal = re.sub("{[{%]", lambda found: f"{{{{ '{found[0]}' }}}}", sql)
    return "{{ config(materialized='table') }}\n" + literal


BEFORE = {
    "models/schema.yml": SCHEMA,
    "models/orders.sql": rows(
        "cast(1 as integer) as id, cast(10 as integer) as amount, cast(null as text) as note, "
        """'a@b.c' as email, 'kept' as dropped, 'v' as "{{ 1/0 }} 'é`" """,
        "2, 20, 'same', 'a@b.c', '', 'v'",
        "3, 30, null, 'a@b.c', '', 'v'",
        "4, 40, 'gone', 'a@b.c', '', null",
        "5, 50, 'null', 'old@b.c', '', null",
    ),
    "models/events.sql": rows(
        "1 as id, cast('2026-01-01' as date) as at, 1 as n",
        "2, '2026-01-05', 2",
        "3, '2026-01-06', 3",
    ),
    "models/loose.sql": rows("1 as n, 'x' as t", "1, 'x'", "2, null", "3, 'y'"),
    "models/doubles.sql": rows("1 as id, 1 as n", "1, 2", "2, 2", "null, 3", "4, 4", "5, 5"),
    "models/same.sql": rows("1 as id, cast(null as integer) as n"),
    "models/gone.sql": rows("1 as id"),
    "models/unbuilt.sql": rows("1 as id"),
    "models/broken.sql": rows("1 as id, '1' as word"),
    "models/helper.sql": "{{ config(materialized='ephemeral') }} select 1 as id",
}
AFTER: dict[str, str | None] = {
    "models/orders.sql": rows(
        "cast(1 as integer) as id, cast(10 as bigint) as amount, cast(null as text) as note, "
        """'a@b.c' as email, 1.5 as extra, 'v' as "{{ 1/0 }} 'é`" """,
        "2, 21, 'same', 'a@b.c', 1.5, 'v'",
        f"3, 30, '{HOSTILE}', 'a@b.c', 1.5, 'v'",
        "5, 50, null, 'new@b.c', 1.5, null",
        "6, 60, 'new', 'secret@b.c', 1.5, null",
    ),
    "models/events.sql": rows(
        "2 as id, cast('2026-01-05' as date) as at, 9 as n",
        "3, '2026-01-06', 3",
        "4, '2026-01-09', 4",
    ),
    "models/loose.sql": rows("1 as n, 'x' as t", "2, null", "2, null", "3, 'z'"),
    "models/doubles.sql": rows(
        "1 as id, 1 as n", "2, 9", "2, 9", "null, 3", "null, 4", "4, 5", "6, 6"
    ),
    "models/same.sql": rows("1 as id, cast(null as integer) as n") + " -- commented",
    "models/gone.sql": None,
    "models/unbuilt.sql": rows("2 as id"),
    "models/broken.sql": """
        {{ config(materialized='view') }}
        select cast(t as integer) as id, t as word from {{ ref('loose') }}
    """,
    "models/helper.sql": "{{ config(materialized='ephemeral') }} select 2 as id",
    "models/brand_new.sql": rows("1 as id"),
}
JOBS = """
    jobs:
      nightly: {environment: prod, execute_steps: [dbt run]}
      checks:
        id: 23
        environment: staging
        job_type: ci
        execute_steps: ["dbt run --select state:modified --exclude unbuilt"]
        run_compare_changes: true
        compare_changes_flags: --select state:modified
"""


@dataclass(frozen=True)
class Compared:
    """The run of a pull request, and what it has found."""

    site: Site
    run: Result
    step: str = "05-compare-changes"

    def file(self, name: str) -> str:
        return (self.site.directory(self.run.run_id, self.step) / name).read_text(encoding="utf-8")

    def of(self, model: str) -> dict[str, Any]:
        found = json.loads(self.file("compare.json"))["comparisons"]
        (one,) = [each for each in found if each["name"] == model]
        return one


def run_pull_request(site: Site, more: Mapping[str, str] | None = None) -> Compared:
    """Build production, then the pull request with `more` files."""
    assert site.run("prod__nightly").success
    commit = site.push({**AFTER, **(more or {})}, ref="pr/7")
    run = site.run("staging__checks", {"deploy/pull_request": "7", "deploy/commit": commit})
    return Compared(site, run)


def check_counts(compared: Compared) -> None:
    counts = ("rows", "added", "removed", "changed", "changed_columns")
    found = {
        name: tuple(compared.of(name)[count] for count in counts)
        for name in ("orders", "events", "loose", "doubles", "same")
    }
    assert found == {
        "orders": ([5, 5], 1, 1, 3, {"amount": 1, "note": 2, "email": 1}),
        "events": ([3, 3], 0, 0, 1, {"n": 1}),
        "loose": ([4, 4], 2, 2, None, {}),
        "doubles": ([6, 7], 1, 1, 1, {"n": 1}),
        "same": ([1, 1], 0, 0, 0, {}),
    }
    assert compared.of("orders")["key"] == ["id"]
    assert compared.of("loose")["key"] == []
    doubles = compared.of("doubles")
    odd = ("null_keys", "duplicate_keys", "duplicate_rows")
    assert [doubles[name] for name in odd] == [[1, 2], [1, 1], [3, 3]]
    events = compared.of("events")["range"]
    assert (events["column"], events["low"], events["high"], events["rows"]) == (
        *("at", "2026-01-05", "2026-01-06"),
        [2, 2],
    )


def check_samples(compared: Compared) -> None:
    orders = compared.of("orders")["samples"]
    names = ["id", "amount", "note", "email"]
    hostile = "{{ 1/0 }} 'é`"
    assert orders["added"]["columns"] == [*names, "extra", hostile]
    assert orders["added"]["rows"] == [["6", "60", "new", "*****", "1.5", None]]
    assert orders["removed"]["columns"] == [*names, "dropped", hostile]
    assert orders["removed"]["rows"] == [["4", "40", "gone", "*****", "", None]]
    assert orders["changed"]["columns"] == [*names, hostile]
    two, three, five = orders["changed"]["rows"]
    assert two[:6] == ["2", "2", "20", "21", "same", "same"]
    assert three[4:6] == [None, HOSTILE.replace("''", "'")]
    assert five[4:8] == ["null", None, "*****", "*****"]
    assert compared.of("loose")["samples"]["added"]["rows"] == [["2", None], ["3", "z"]]
    for file in ("compare.json", "compare.md", "compare.log", "console.log"):
        assert "secret@b.c" not in compared.file(file)
