"""Dropping and listing schemas with dbt's own macros, in a project that stands in for a user's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy_project.dbt.relations.stand_in import MacroResult

Schema = tuple[str, str]
"""A database, empty where the adapter has none, and a schema in it."""

MACRO = "drop_and_list_schemas"
MACROS = """\
{% macro drop_and_list_schemas() %}
  {%- set wanted = given().drop %}
  {%- set readers = readers_outside(wanted | map('last') | map('lower') | list) if wanted else {} %}
  {%- for database, schema in wanted %}
    {%- if schema | lower in readers %}
      {%- do tell({'kept': [database, schema], 'reader': readers[schema | lower]}) %}
    {%- else %}
      {%- do adapter.drop_schema(api.Relation.create(database=database or none, schema=schema)) %}
      {%- do tell({'dropped': [database, schema]}) %}
    {%- endif %}
  {%- endfor %}
  {%- for database in given().databases %}
    {%- for row in list_schemas(database or target.database) %}
      {%- do tell({'found': [database, row if row is string else row[0]]}) %}
    {%- endfor %}
  {%- endfor %}
{% endmacro %}

{% macro readers_outside(schemas) %}
  {%- set found = {} %}
  {%- set links = get_relations() if target.type in ('postgres', 'redshift') else [] %}
  {%- for _ in schemas %}
    {%- for link in links %}
      {%- set reading = link['dependent_schema'] | lower %}
      {%- set read = link['referenced_schema'] | lower %}
      {%- if read in schemas and (reading not in schemas or reading in found) %}
        {%- do found.setdefault(read, link['dependent_schema'] ~ '.' ~ link['dependent_name']) %}
      {%- endif %}
    {%- endfor %}
  {%- endfor %}
  {%- do return(found) %}
{% endmacro %}
"""


@dataclass(frozen=True)
class Reply:
    """The schemas dropped, kept and found; partial where dbt has failed on its way."""

    dropped: frozenset[Schema]
    kept: Mapping[Schema, str]
    """Those that a view outside of them reads from, each with one such view.

    Postgres and Redshift would drop that, too: dbt's `drop_schema` cascades.
    """
    found: tuple[Schema, ...]
    said: tuple[str, ...]
    """Everything else that dbt has said."""


def given(drop: Sequence[Schema], databases: Sequence[str]) -> object:
    """Return the macro's arguments: schemas to drop, then databases to list the schemas of."""
    return {"drop": [list(each) for each in drop], "databases": list(databases)}


def reply(answer: MacroResult) -> Reply:
    """Return the macro's facts as a `Reply`."""
    dropped = [_schema(fact["dropped"]) for fact in answer.facts if "dropped" in fact]
    kept = {_schema(fact["kept"]): str(fact["reader"]) for fact in answer.facts if "kept" in fact}
    found = [_schema(fact["found"]) for fact in answer.facts if "found" in fact]
    return Reply(frozenset(dropped), kept, tuple(found), tuple(answer.said))


def _schema(pair: Sequence[Any]) -> Schema:
    return str(pair[0] or ""), str(pair[1])
