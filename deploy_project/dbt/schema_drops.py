"""Dropping and listing schemas with dbt's own macros: a dbt project of ours beside the user's.

dbt parses two files instead of the whole project, and needs none of its packages; none of its code
runs. Names are arguments of the macro, which dbt does not render.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

Schema = tuple[str, str]
"""A database, empty where the adapter has none, and a schema in it."""

_MACRO = "drop_and_list_schemas"
_MARK = "deploy-project:"
_MACROS = """\
{% macro drop_and_list_schemas(drop, databases) %}
  {%- for database, schema in drop %}
    {%- do adapter.drop_schema(api.Relation.create(database=database or none, schema=schema)) %}
    {%- do print('deploy-project:' ~ tojson({'dropped': [database, schema]})) %}
  {%- endfor %}
  {%- for database in databases %}
    {%- for row in list_schemas(database or target.database) %}
      {%- set schema = row if row is string else row[0] %}
      {%- do print('deploy-project:' ~ tojson({'found': [database, schema]})) %}
    {%- endfor %}
  {%- endfor %}
{% endmacro %}
"""


@dataclass(frozen=True)
class Reply:
    """What came of it, also where dbt has failed on its way."""

    dropped: frozenset[Schema]
    found: tuple[Schema, ...]
    said: tuple[str, ...]
    """Everything else that dbt has said."""


def write_project(directory: Path, users: Mapping[str, Any]) -> None:
    """Write the project into `directory`; `users` is what the user's dbt_project.yml says.

    Whether dbt quotes names decides on some warehouses which schema a name means.
    """
    (directory / "macros").mkdir(parents=True, exist_ok=True)
    (directory / "macros" / "schemas.sql").write_text(_MACROS, encoding="utf-8")
    content = {
        "name": "deploy_project_schemas",
        "version": "1.0",
        "profile": users["profile"],
        **{key: users[key] for key in ("quoting",) if key in users},
    }
    with (directory / "dbt_project.yml").open("w", encoding="utf-8") as stream:
        cast(Any, YAML(typ="safe")).dump(content, stream)


def arguments(drop: Sequence[Schema], databases: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments after `dbt` that drop schemas, then list those of `databases`."""
    given = {"drop": [list(each) for each in drop], "databases": list(databases)}
    return ("--quiet", "run-operation", _MACRO, "--args", json.dumps(given))


def reply(lines: Iterable[str]) -> Reply:
    """Return what the lines say that dbt has written."""
    told = [(line, _told(line)) for line in lines]
    dropped = [_schema(fact["dropped"]) for _, fact in told if fact and "dropped" in fact]
    found = [_schema(fact["found"]) for _, fact in told if fact and "found" in fact]
    said = [line for line, fact in told if fact is None]
    return Reply(frozenset(dropped), tuple(found), tuple(said))


def _told(line: str) -> Mapping[str, Any] | None:
    if not line.startswith(_MARK):
        return None
    try:
        return json.loads(line.removeprefix(_MARK))
    except ValueError:
        return None


def _schema(pair: Sequence[Any]) -> Schema:
    return str(pair[0] or ""), str(pair[1])
