"""Dropping and listing schemas with dbt's own macros, in a project that stands in for a user's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deploy_project.dbt.stand_in import Answer

Schema = tuple[str, str]
"""A database, empty where the adapter has none, and a schema in it."""

MACRO = "drop_and_list_schemas"
MACROS = """\
{% macro drop_and_list_schemas() %}
  {%- for database, schema in given().drop %}
    {%- do adapter.drop_schema(api.Relation.create(database=database or none, schema=schema)) %}
    {%- do tell({'dropped': [database, schema]}) %}
  {%- endfor %}
  {%- for database in given().databases %}
    {%- for row in list_schemas(database or target.database) %}
      {%- do tell({'found': [database, row if row is string else row[0]]}) %}
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


def given(drop: Sequence[Schema], databases: Sequence[str]) -> object:
    """Return what the macro is given to drop schemas, then to list those of `databases`."""
    return {"drop": [list(each) for each in drop], "databases": list(databases)}


def reply(answer: Answer) -> Reply:
    """Return what the macro has told."""
    dropped = [_schema(fact["dropped"]) for fact in answer.facts if "dropped" in fact]
    found = [_schema(fact["found"]) for fact in answer.facts if "found" in fact]
    return Reply(frozenset(dropped), tuple(found), tuple(answer.said))


def _schema(pair: Sequence[Any]) -> Schema:
    return str(pair[0] or ""), str(pair[1])
