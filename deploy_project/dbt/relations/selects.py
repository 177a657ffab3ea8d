"""Rows of SELECT statements as text, in a project that stands in for the user's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from deploy_project.dbt.relations.stand_in import Fact, Value

MACRO = "select_rows"
MACROS = """\
{% macro tell_rows(key, table) %}
  {%- do tell({'of': key, 'columns': table.column_names | list}) -%}
  {%- for row in table.rows -%}
    {%- set values = [] -%}
    {%- for value in row -%}
      {%- do values.append(as_text(value)) -%}
    {%- endfor -%}
    {%- do tell({'of': key, 'row': values}) -%}
  {%- endfor -%}
{% endmacro %}

{% macro select_rows() %}
  {%- for key, sql in given().each -%}
    {%- set nested = 'select * from (\\n' ~ sql ~ '\\n) deploy_project_rows' -%}
    {%- do tell_rows(key, run_query(get_limit_subquery_sql(nested, given().most))) -%}
    {%- do tell({'of': key, 'done': true}) -%}
  {%- endfor -%}
{% endmacro %}
"""


@dataclass(frozen=True)
class Selected:
    """The result of one statement."""

    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Value]] = ()
    error: str = ""
    """The error in dbt's words; empty when the statement has succeeded."""


def answered(facts: Iterable[Fact]) -> dict[str, Selected]:
    """Return the result of each statement, by its key, from the macro's facts."""
    columns: dict[str, list[str]] = {}
    rows: dict[str, list[list[Value]]] = {}
    for fact in facts:
        if "columns" in fact:
            columns[fact["of"]], rows[fact["of"]] = fact["columns"], []
        elif "row" in fact:
            rows[fact["of"]].append(fact["row"])
    return {key: Selected(columns[key], rows[key]) for key in columns}
